// Declarations of Linux and glibc that the toolchain's Glibc module lacks.
#include <malloc.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

// <stdio.h> declares it for _GNU_SOURCE only (glibc 2.28).
int renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags);
