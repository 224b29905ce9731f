// Preloaded, it makes every fsync and fdatasync take 5 ms: a disk that takes its time, the same for every server.
//
//   cc -shared -fPIC -o slow_sync.so bench/slow_sync.c && LD_PRELOAD=./slow_sync.so redis-server ...
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
