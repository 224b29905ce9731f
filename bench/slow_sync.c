// Preloaded, it makes every fsync, fdatasync and sync_file_range take 5 ms: a disk that takes its time, the same for every server.
//
//   cc -shared -fPIC -o slow_sync.so bench/slow_sync.c && LD_PRELOAD=./slow_sync.so redis-server ...
#define _GNU_SOURCE
#include <fcntl.h>
#include <time.h>

static int Sleep(void) {
  const struct timespec time = {0, 5000000};
  return nanosleep(&time, 0);
}

int fsync(int fd) {
  (void)fd;
  Sleep();
  return 0;
}

int fdatasync(int fd) {
  (void)fd;
  Sleep();
  return 0;
}

int sync_file_range(int fd, off_t offset, off_t bytes, unsigned flags) {
  (void)fd;
  (void)offset;
  (void)bytes;
  (void)flags;
  Sleep();
  return 0;
}
