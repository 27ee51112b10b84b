// What newlib would ask of an operating system. There is no heap, no file and no process.
#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

void *__dso_handle = NULL;

void *_sbrk(ptrdiff_t increment) {
  (void)increment;
  errno = ENOMEM;
  return (void *)-1;
}

__attribute__((noreturn)) void _exit(int status) {
  (void)status;
  for (;;) {
  }
}

int _kill(int process, int signal) {
  (void)process;
  (void)signal;
  return -1;
}

int _getpid(void) {
  return 1;
}

int _write(int file, const char *bytes, int size) {
  (void)file;
  (void)bytes;
  return size;
}

int _read(int file, char *bytes, int size) {
  (void)file;
  (void)bytes;
  (void)size;
  return 0;
}

int _close(int file) {
  (void)file;
  return -1;
}

int _lseek(int file, int offset, int whence) {
  (void)file;
  (void)offset;
  (void)whence;
  return -1;
}

int _fstat(int file, struct stat *status) {
  (void)file;
  status->st_mode = S_IFCHR;
  return 0;
}

int _isatty(int file) {
  (void)file;
  return 1;
}
