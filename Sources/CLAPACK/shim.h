#ifndef AURELAX_CLAPACK_SHIM_H
#define AURELAX_CLAPACK_SHIM_H
#include <stddef.h>

// Fortran BLAS and LAPACK, column-major, every argument by reference. gfortran appends the length of
// each character argument as a trailing size_t; leaving it out is undefined behaviour.
typedef int aurelax_lapack_int;  // Debian's libblas and liblapack are LP64

void dgemm_(const char *transa, const char *transb, const aurelax_lapack_int *m,
            const aurelax_lapack_int *n, const aurelax_lapack_int *k, const double *alpha,
            const double *a, const aurelax_lapack_int *lda, const double *b,
            const aurelax_lapack_int *ldb, const double *beta, double *c,
            const aurelax_lapack_int *ldc, size_t, size_t);
void sgemm_(const char *transa, const char *transb, const aurelax_lapack_int *m,
            const aurelax_lapack_int *n, const aurelax_lapack_int *k, const float *alpha,
            const float *a, const aurelax_lapack_int *lda, const float *b,
            const aurelax_lapack_int *ldb, const float *beta, float *c,
            const aurelax_lapack_int *ldc, size_t, size_t);
void dgemv_(const char *trans, const aurelax_lapack_int *m, const aurelax_lapack_int *n,
            const double *alpha, const double *a, const aurelax_lapack_int *lda, const double *x,
            const aurelax_lapack_int *incx, const double *beta, double *y,
            const aurelax_lapack_int *incy, size_t);
void dsyrk_(const char *uplo, const char *trans, const aurelax_lapack_int *n,
            const aurelax_lapack_int *k, const double *alpha, const double *a,
            const aurelax_lapack_int *lda, const double *beta, double *c,
            const aurelax_lapack_int *ldc, size_t, size_t);
void dtrsm_(const char *side, const char *uplo, const char *transa, const char *diag,
            const aurelax_lapack_int *m, const aurelax_lapack_int *n, const double *alpha,
            const double *a, const aurelax_lapack_int *lda, double *b,
            const aurelax_lapack_int *ldb, size_t, size_t, size_t, size_t);

void dpotrf_(const char *uplo, const aurelax_lapack_int *n, double *a,
             const aurelax_lapack_int *lda, aurelax_lapack_int *info, size_t);
void dpotrs_(const char *uplo, const aurelax_lapack_int *n, const aurelax_lapack_int *nrhs,
             const double *a, const aurelax_lapack_int *lda, double *b,
             const aurelax_lapack_int *ldb, aurelax_lapack_int *info, size_t);
void dsytrf_(const char *uplo, const aurelax_lapack_int *n, double *a,
             const aurelax_lapack_int *lda, aurelax_lapack_int *ipiv, double *work,
             const aurelax_lapack_int *lwork, aurelax_lapack_int *info, size_t);
void dsytrs_(const char *uplo, const aurelax_lapack_int *n, const aurelax_lapack_int *nrhs,
             const double *a, const aurelax_lapack_int *lda, const aurelax_lapack_int *ipiv,
             double *b, const aurelax_lapack_int *ldb, aurelax_lapack_int *info, size_t);
void dsycon_(const char *uplo, const aurelax_lapack_int *n, const double *a,
             const aurelax_lapack_int *lda, const aurelax_lapack_int *ipiv, const double *anorm,
             double *rcond, double *work, aurelax_lapack_int *iwork, aurelax_lapack_int *info,
             size_t);
void dsyevd_(const char *jobz, const char *uplo, const aurelax_lapack_int *n, double *a,
             const aurelax_lapack_int *lda, double *w, double *work,
             const aurelax_lapack_int *lwork, aurelax_lapack_int *iwork,
             const aurelax_lapack_int *liwork, aurelax_lapack_int *info, size_t, size_t);
void dgelsd_(const aurelax_lapack_int *m, const aurelax_lapack_int *n,
             const aurelax_lapack_int *nrhs, double *a, const aurelax_lapack_int *lda, double *b,
             const aurelax_lapack_int *ldb, double *s, const double *rcond,
             aurelax_lapack_int *rank, double *work, const aurelax_lapack_int *lwork,
             aurelax_lapack_int *iwork, aurelax_lapack_int *info);
#endif
