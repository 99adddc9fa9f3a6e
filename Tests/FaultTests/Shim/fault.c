// Lets the n-th system call that changes a folder fail, or the process end just before it.
//
// clang -shared -fPIC -o fault.so fault.c; then
// LD_PRELOAD=fault.so FAULT_FOLDER=/folder FAULT_STEP=7 FAULT_KIND=kill|short|<errno> program ...
//
// FAULT_LINKS=<errno> and FAULT_LOCKS=<errno> let every link and every lock fail, as on file systems that
// have none.
//
// A step is an open that creates, a write, an fsync, a link, a rename or an unlink in the folder, or
// an fsync of the folder itself. The step at which something was done is told on FAULT_LOG.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { maximumFiles = 1024 };
static char isInFolder[maximumFiles];
static int stepsTaken;

static int concerns(const char *path) {
  const char *folder = getenv("FAULT_FOLDER");
  return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static void tell(const char *call, const char *path) {
  const char *log = getenv("FAULT_LOG");
  FILE *file = log ? fopen(log, "a") : NULL;
  if (!file) return;
  fprintf(file, "%d %s %s\n", stepsTaken, call, path ? path : "");
  fclose(file);
}

// 0 where the call is to be made, -1 where it fails with errno set, 1 where it is to be cut short.
static int step(const char *call, const char *path) {
  const char *chosen = getenv("FAULT_STEP"), *kind = getenv("FAULT_KIND");
  stepsTaken++;
  if (!chosen || !kind || atoi(chosen) != stepsTaken) return 0;
  tell(call, path);
  if (strcmp(kind, "kill") == 0) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  if (strcmp(kind, "short") == 0) return 1;
  errno = atoi(kind);
  return -1;
}

static int openNext(const char *symbol, const char *path, int flags, mode_t mode) {
  int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, symbol);
  int concerned = concerns(path);
  if (concerned && (flags & O_CREAT) && step("create", path) < 0) return -1;
  int file = next(path, flags, mode);
  if (file >= 0 && file < maximumFiles) isInFolder[file] = concerned;
  return file;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return openNext("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return openNext("open64", path, flags, mode);
}

static int concernsFile(int file) { return file >= 0 && file < maximumFiles && isInFolder[file]; }

ssize_t write(int file, const void *bytes, size_t count) {
  ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  if (concernsFile(file)) {
    int fault = step("write", NULL);
    if (fault < 0) return -1;
    if (fault > 0) count = (count + 1) / 2;
  }
  return next(file, bytes, count);
}

int fsync(int file) {
  int (*next)(int) = dlsym(RTLD_NEXT, "fsync");
  if (concernsFile(file) && step("fsync", NULL) < 0) return -1;
  return next(file);
}

int close(int file) {
  int (*next)(int) = dlsym(RTLD_NEXT, "close");
  if (file >= 0 && file < maximumFiles) isInFolder[file] = 0;
  return next(file);
}

int rename(const char *old, const char *new) {
  int (*next)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
  if (concerns(new) && step("rename", new) < 0) return -1;
  return next(old, new);
}

static int refuses(const char *name) {
  const char *code = getenv(name);
  if (!code) return 0;
  errno = atoi(code);
  return 1;
}

int flock(int file, int operation) {
  int (*next)(int, int) = dlsym(RTLD_NEXT, "flock");
  return refuses("FAULT_LOCKS") ? -1 : next(file, operation);
}

int link(const char *old, const char *new) {
  if (refuses("FAULT_LINKS")) return -1;
  int (*next)(const char *, const char *) = dlsym(RTLD_NEXT, "link");
  if (concerns(new) && step("link", new) < 0) return -1;
  return next(old, new);
}

int unlink(const char *path) {
  int (*next)(const char *) = dlsym(RTLD_NEXT, "unlink");
  if (concerns(path) && step("unlink", path) < 0) return -1;
  return next(path);
}
