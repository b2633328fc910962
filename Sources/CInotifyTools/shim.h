#ifndef AURELAX_CINOTIFYTOOLS_SHIM_H
#define AURELAX_CINOTIFYTOOLS_SHIM_H
// The library's own header only forward-declares the event that its functions return.
#include <sys/inotify.h>
#include <inotifytools/inotifytools.h>
#endif
