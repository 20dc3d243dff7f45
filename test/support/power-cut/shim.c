/*
 * Records what a process does to the files below one directory, so that a test can work out what a disk could hold after a power cut. Preloaded
 * (LD_PRELOAD); changes nothing of what the process sees.
 *
 *   WEIR_POWER_CUT_DIRECTORY   absolute; what lies below it is recorded
 *   WEIR_POWER_CUT_LOG         file that records are appended to
 *   WEIR_POWER_CUT_FAULT       optional: while this file exists, writes and syncs below the directory fail with EIO
 *
 * A record: the header below, then path, second path (rename, link), data. An operation and its record happen under one lock, so that records are
 * in the order of what they tell. A sync is two records, before and after, without the lock: what was written before the first is on disk when the second is there.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1, CLOSE, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, RENAME, UNLINK, MKDIR, RMDIR, LINK, UNSUPPORTED };
enum { CREATED = 1, TRUNCATED = 2, DIRECTORY = 4, FAILED = 8 };

struct header {
  uint8_t op, flags;
  uint16_t path_bytes, second_bytes, zero;
  uint32_t process;
  int32_t fd;
  uint64_t time_ns; /* CLOCK_MONOTONIC, of the operation's begin */
  uint64_t offset;  /* WRITE: where; TRUNCATE: the length; SYNC: which sync */
  uint64_t data_bytes;
};

#define FDS 65536
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char watched[FDS];
static char directory[PATH_MAX];
static size_t directory_bytes;
static const char *fault;
static int log_fd = -1;
static uint64_t syncs;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("WEIR_POWER_CUT_DIRECTORY"), *log = getenv("WEIR_POWER_CUT_LOG");
  fault = getenv("WEIR_POWER_CUT_FAULT");
  if (!path || !log) return;
  directory_bytes = strlen(path);
  memcpy(directory, path, directory_bytes + 1);
  log_fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) abort();
}

static uint64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

/* The part of a path behind the directory; NULL = it is not below it. `room` has PATH_MAX bytes. */
static const char *below(const char *path, char *room) {
  if (log_fd < 0 || !path) return NULL;
  if (path[0] != '/') {
    if (!getcwd(room, PATH_MAX)) return NULL;
    size_t used = strlen(room);
    if (used + strlen(path) + 2 > PATH_MAX) return NULL;
    room[used] = '/';
    strcpy(room + used + 1, path);
    path = room;
  }
  if (strncmp(path, directory, directory_bytes) != 0) return NULL;
  if (path[directory_bytes] == 0) return path + directory_bytes;
  return path[directory_bytes] == '/' ? path + directory_bytes + 1 : NULL;
}

/* The same for a path that may be relative to an open directory. `room` has 2 * PATH_MAX bytes. */
static const char *below_at(int at, const char *path, char *room) {
  if (log_fd < 0 || !path) return NULL;
  if (at == AT_FDCWD || path[0] == '/') return below(path, room);
  char link[64], *base = room + PATH_MAX;
  snprintf(link, sizeof link, "/proc/self/fd/%d", at);
  ssize_t used = readlink(link, base, PATH_MAX - 1);
  if (used < 0 || (size_t)used + strlen(path) + 2 > PATH_MAX) return NULL;
  base[used] = '/';
  strcpy(base + used + 1, path);
  return below(base, room);
}

static int is_watched(int fd) { return fd >= 0 && fd < FDS && watched[fd]; }

static void append(const void *bytes, size_t count) {
  const char *at = bytes;
  while (count > 0) {
    ssize_t done = REAL(write)(log_fd, at, count);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) abort();
    at += done;
    count -= (size_t)done;
  }
}

static void record(struct header head, const char *path, const char *second, const void *data) {
  int saved = errno;
  head.process = (uint32_t)getpid();
  head.path_bytes = path ? (uint16_t)strlen(path) : 0;
  head.second_bytes = second ? (uint16_t)strlen(second) : 0;
  append(&head, sizeof head);
  if (path) append(path, head.path_bytes);
  if (second) append(second, head.second_bytes);
  if (data) append(data, head.data_bytes);
  errno = saved;
}

static int is_failing(void) {
  if (!fault || REAL(access)(fault, F_OK) != 0) return 0;
  errno = EIO;
  return 1;
}

/* Files */

static int opened(int at, const char *path, int flags, mode_t mode) {
  char room[2 * PATH_MAX];
  const char *name = below_at(at, path, room);
  if (!name) {
    int fd = REAL(openat)(at, path, flags, mode);
    if (fd >= 0 && fd < FDS) watched[fd] = 0;
    return fd;
  }
  pthread_mutex_lock(&lock);
  struct stat before, after;
  uint64_t time = now();
  int was = fstatat(at, path, &before, 0) == 0;
  int fd = REAL(openat)(at, path, flags, mode);
  if (fd >= 0 && fd < FDS && fstat(fd, &after) == 0) {
    watched[fd] = 1;
    struct header head = {.op = OPEN, .fd = fd, .time_ns = time};
    if (!was) head.flags |= CREATED;
    if (was && (flags & O_TRUNC)) head.flags |= TRUNCATED;
    if (S_ISDIR(after.st_mode)) head.flags |= DIRECTORY;
    record(head, name, NULL, NULL);
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

#define MODE(flags, last)                      \
  mode_t mode = 0;                             \
  if ((flags) & (O_CREAT | O_TMPFILE)) {       \
    va_list rest;                              \
    va_start(rest, last);                      \
    mode = va_arg(rest, mode_t);               \
    va_end(rest);                              \
  }

int open(const char *path, int flags, ...) {
  MODE(flags, flags)
  return opened(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE(flags, flags)
  return opened(AT_FDCWD, path, flags, mode);
}
int openat(int at, const char *path, int flags, ...) {
  MODE(flags, flags)
  return opened(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
  MODE(flags, flags)
  return opened(at, path, flags, mode);
}

int close(int fd) {
  if (!is_watched(fd)) return REAL(close)(fd);
  pthread_mutex_lock(&lock);
  watched[fd] = 0;
  record((struct header){.op = CLOSE, .fd = fd, .time_ns = now()}, NULL, NULL, NULL);
  int result = REAL(close)(fd);
  pthread_mutex_unlock(&lock);
  return result;
}

int closedir(DIR *opened) {
  int fd = dirfd(opened);
  if (is_watched(fd)) {
    pthread_mutex_lock(&lock);
    watched[fd] = 0;
    record((struct header){.op = CLOSE, .fd = fd, .time_ns = now()}, NULL, NULL, NULL);
    pthread_mutex_unlock(&lock);
  }
  return REAL(closedir)(opened);
}

/* `offset` < 0: at the file's own place. */
static ssize_t written(int fd, const void *bytes, size_t count, off64_t offset) {
  if (!is_watched(fd))
    return offset < 0 ? REAL(write)(fd, bytes, count) : REAL(pwrite64)(fd, bytes, count, offset);
  if (is_failing()) return -1;
  pthread_mutex_lock(&lock);
  uint64_t time = now();
  ssize_t done = offset < 0 ? REAL(write)(fd, bytes, count) : REAL(pwrite64)(fd, bytes, count, offset);
  if (done > 0) {
    off64_t from = offset < 0 ? lseek64(fd, 0, SEEK_CUR) - done : offset;
    struct header head = {.op = WRITE, .fd = fd, .time_ns = time};
    head.offset = (uint64_t)from;
    head.data_bytes = (uint64_t)done;
    record(head, NULL, NULL, bytes);
  }
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t write(int fd, const void *bytes, size_t count) { return written(fd, bytes, count, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return written(fd, bytes, count, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) { return written(fd, bytes, count, at); }

/* Part by part: a caller of writev must do with fewer bytes than it asked for anyway. */
static ssize_t written_parts(int fd, const struct iovec *parts, int count, off64_t offset) {
  ssize_t sum = 0;
  for (int i = 0; i < count; i++) {
    ssize_t done = written(fd, parts[i].iov_base, parts[i].iov_len, offset < 0 ? -1 : offset + sum);
    if (done < 0) return sum > 0 ? sum : done;
    sum += done;
    if ((size_t)done < parts[i].iov_len) break;
  }
  return sum;
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  return is_watched(fd) ? written_parts(fd, parts, count, -1) : REAL(writev)(fd, parts, count);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  return is_watched(fd) ? written_parts(fd, parts, count, at) : REAL(pwritev)(fd, parts, count, at);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  return is_watched(fd) ? written_parts(fd, parts, count, at) : REAL(pwritev64)(fd, parts, count, at);
}

static int truncated(int fd, off64_t length) {
  if (!is_watched(fd)) return REAL(ftruncate64)(fd, length);
  pthread_mutex_lock(&lock);
  uint64_t time = now();
  int result = REAL(ftruncate64)(fd, length);
  if (result == 0) {
    struct header head = {.op = TRUNCATE, .fd = fd, .time_ns = time};
    head.offset = (uint64_t)length;
    record(head, NULL, NULL, NULL);
  }
  pthread_mutex_unlock(&lock);
  return result;
}
int ftruncate(int fd, off_t length) { return truncated(fd, length); }
int ftruncate64(int fd, off64_t length) { return truncated(fd, length); }

static int synced(int fd, int data_only) {
  if (!is_watched(fd)) return data_only ? REAL(fdatasync)(fd) : REAL(fsync)(fd);
  if (is_failing()) return -1;
  pthread_mutex_lock(&lock);
  struct header head = {.op = SYNC_BEGIN, .fd = fd, .time_ns = now()};
  head.offset = ++syncs;
  record(head, NULL, NULL, NULL);
  pthread_mutex_unlock(&lock);
  int result = data_only ? REAL(fdatasync)(fd) : REAL(fsync)(fd);
  pthread_mutex_lock(&lock);
  head.op = SYNC_END;
  head.time_ns = now();
  if (result != 0) head.flags |= FAILED;
  record(head, NULL, NULL, NULL);
  pthread_mutex_unlock(&lock);
  return result;
}
int fsync(int fd) { return synced(fd, 0); }
int fdatasync(int fd) { return synced(fd, 1); }

/* Names */

#define NAMED(kind, path, second, call)                                          \
  char room[PATH_MAX], room2[PATH_MAX];                                          \
  const char *name = below(path, room), *name2 = below(second, room2);           \
  if (!name && !name2) return call;                                              \
  pthread_mutex_lock(&lock);                                                     \
  struct header head = {.op = kind, .fd = -1, .time_ns = now()};                 \
  if ((kind == RENAME || kind == LINK) && (!name || !name2)) head.op = UNSUPPORTED; \
  int result = call;                                                             \
  if (result == 0) record(head, name ? name : "", name2 ? name2 : "", NULL);     \
  pthread_mutex_unlock(&lock);                                                   \
  return result;

int rename(const char *from, const char *to) { NAMED(RENAME, from, to, REAL(rename)(from, to)) }
int link(const char *from, const char *to) { NAMED(LINK, from, to, REAL(link)(from, to)) }
int unlink(const char *path) { NAMED(UNLINK, path, (const char *)NULL, REAL(unlink)(path)) }
int rmdir(const char *path) { NAMED(RMDIR, path, (const char *)NULL, REAL(rmdir)(path)) }
int mkdir(const char *path, mode_t mode) { NAMED(MKDIR, path, (const char *)NULL, REAL(mkdir)(path, mode)) }
int symlink(const char *to, const char *path) { NAMED(UNSUPPORTED, path, (const char *)NULL, REAL(symlink)(to, path)) }
int truncate(const char *path, off_t length) { NAMED(UNSUPPORTED, path, (const char *)NULL, REAL(truncate)(path, length)) }
int truncate64(const char *path, off64_t length) { NAMED(UNSUPPORTED, path, (const char *)NULL, REAL(truncate64)(path, length)) }
int remove(const char *path) {
  struct stat is;
  return lstat(path, &is) == 0 && S_ISDIR(is.st_mode) ? rmdir(path) : unlink(path);
}
int unlinkat(int at, const char *path, int flags) {
  char room[2 * PATH_MAX];
  const char *name = below_at(at, path, room);
  if (!name) return REAL(unlinkat)(at, path, flags);
  pthread_mutex_lock(&lock);
  struct header head = {.op = flags & AT_REMOVEDIR ? RMDIR : UNLINK, .fd = -1, .time_ns = now()};
  int result = REAL(unlinkat)(at, path, flags);
  if (result == 0) record(head, name, "", NULL);
  pthread_mutex_unlock(&lock);
  return result;
}

/* Copies inside the system: recorded as what is there afterwards. */

static void copied(int fd, off64_t from, ssize_t count) {
  char bytes[65536], path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* which may be open for writing only */
  int reader = REAL(open)(path, O_RDONLY | O_CLOEXEC);
  while (count > 0) {
    size_t part = (size_t)count < sizeof bytes ? (size_t)count : sizeof bytes;
    ssize_t got = REAL(pread64)(reader, bytes, part, from);
    struct header head = {.op = got > 0 ? WRITE : UNSUPPORTED, .fd = fd, .time_ns = now()};
    if (got > 0) {
      head.offset = (uint64_t)from;
      head.data_bytes = (uint64_t)got;
    }
    record(head, NULL, NULL, bytes);
    if (got <= 0) break;
    from += got;
    count -= got;
  }
  REAL(close)(reader);
}

#define COPY(fd, place, call)                    \
  if (!is_watched(fd)) return call;              \
  pthread_mutex_lock(&lock);                     \
  off64_t from = place;                          \
  ssize_t result = call;                         \
  if (result > 0) copied(fd, from, result);      \
  pthread_mutex_unlock(&lock);                   \
  return result;

ssize_t sendfile64(int to, int from_fd, off64_t *at, size_t count) {
  COPY(to, lseek64(to, 0, SEEK_CUR), REAL(sendfile64)(to, from_fd, at, count))
}
ssize_t sendfile(int to, int from_fd, off_t *at, size_t count) {
  COPY(to, lseek64(to, 0, SEEK_CUR), REAL(sendfile)(to, from_fd, at, count))
}
long syscall(long number, ...) {
  long a[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_close) return close((int)a[0]);
  if (number == SYS_copy_file_range) {
    off64_t *at = (off64_t *)a[3];
    COPY((int)a[2], at ? *at : lseek64((int)a[2], 0, SEEK_CUR), REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]))
  }
  return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
