// libspoolshim.so: what a program does to one folder, written down call by call, with faults on demand.
//
// Loaded with LD_PRELOAD. From the environment:
//
//   SPOOLSHIM_DIR      the folder that is watched, with all below it
//   SPOOLSHIM_LOG      the log; appended to, so that it may span several runs. tests/shim/powerloss.py reads it
//   SPOOLSHIM_CONTROL  a file of faults, read again whenever it changes: they can be switched while the program runs
//
// A fault is a line "CALL ERROR FROM [COUNT [PART]]": of the calls of the kind CALL (write, sync, truncate, open,
// rename, unlink, mkdir, link, allocate, or any) whose path contains PART, from the FROM-th one (counted from 1 since
// the file was read) COUNT (default 1, or "*") fail with ERROR: an errno's name (ENOSPC, EIO, EDQUOT, EACCES, EROFS,
// EINTR), SHORT (a write takes only half), or KILL (the process ends at once, before the call takes effect).
//
// What is watched is what reaches the kernel through libc's functions. A file that is changed in another way (a shared
// writable mapping other than SQLite's -shm, splice, stdio's buffers) is noted as such, and the reader refuses the log.
//
// Order: every change is made under one lock and logged under it, stamped with CLOCK_MONOTONIC before it is made. A
// sync is logged at its begin and at its end, and runs outside the lock: it makes durable what was logged before its
// begin. With it, the names with and without 64 would be one symbol; both are defined here.
#undef _FILE_OFFSET_BITS
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

// fcntl.h and unistd.h would declare the functions below with attributes and aliases that differ.
#include <fcntl.h>
#include <unistd.h>

namespace {

#define SHIM_EXPORT extern "C" __attribute__((visibility("default")))

enum Op : uint32_t {
  op_open = 1,    // a file or folder that was there
  op_create,      // a new file; offset: mode
  op_write,       // data at offset
  op_truncate,    // to offset
  op_allocate,    // to at least offset, without data
  op_sync_begin,  // of a file or folder
  op_sync_end,    // offset: the sequence number of its begin; error: as returned
  op_rename,      // path to path2
  op_unlink,
  op_link,   // path2 is a further name of the inode
  op_mkdir,  // offset: mode
  op_rmdir,
  op_fault,        // a fault was injected: path2 is the kind of call
  op_unsupported,  // path2 says what: the log cannot be trusted
  op_drop,         // the program had the kernel forget what it holds in memory: it reads what the disk has
};

struct __attribute__((packed)) Header {
  char magic[4];
  uint32_t op;
  uint64_t sequence;
  uint64_t time;
  uint64_t inode;
  int64_t offset;
  uint32_t pid;
  uint32_t error;
  uint32_t path_size;
  uint32_t path2_size;
  uint64_t data_size;
};

constexpr size_t max_faults = 64;

struct Fault {
  char call[16];
  int error;  // an errno, or one of the two below
  uint64_t from;
  uint64_t count;  // 0: all
  char part[128];
  uint64_t seen;
};
constexpr int fault_short = -1;
constexpr int fault_kill = -2;

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_once_t once = PTHREAD_ONCE_INIT;
char root[PATH_MAX];
size_t root_size = 0;
int log_fd = -1;
uint64_t sequence = 0;
char control[PATH_MAX];
struct timespec control_time;
ino_t control_inode = 0;
off_t control_size = -1;
Fault faults[max_faults];
size_t fault_count = 0;

template <class Function>
Function real(const char* name, Function& cache) {
  if (cache == nullptr) {
    void* const found = dlsym(RTLD_NEXT, name);
    memcpy(&cache, &found, sizeof found);
  }
  return cache;
}
// The libc function of this name, behind ours.
#define REAL(name)                  \
  ([] {                             \
    static decltype(&::name) cache; \
    return real(#name, cache);      \
  }())

[[noreturn]] void die(const char* what) {
  static const char intro[] = "spoolshim: ";
  syscall(SYS_write, 2, intro, sizeof intro - 1);
  syscall(SYS_write, 2, what, strlen(what));
  syscall(SYS_write, 2, "\n", size_t{1});
  abort();
}

/// `path`, which need not exist, with its folder's links resolved. False if the folder does not exist.
bool canonical(const char* path, char* out) {
  char parent[PATH_MAX];
  const size_t size = strnlen(path, PATH_MAX);
  if (size == 0 || size >= PATH_MAX) return false;
  memcpy(parent, path, size + 1);
  size_t end = size;
  while (end > 1 && parent[end - 1] == '/') parent[--end] = '\0';
  char* const slash = strrchr(parent, '/');
  const char* const name = slash != nullptr ? slash + 1 : parent;
  if (strcmp(name, "..") == 0 || strcmp(name, ".") == 0) return realpath(path, out) != nullptr;
  char folder[PATH_MAX];
  if (slash == nullptr) {
    if (realpath(".", folder) == nullptr) return false;
  } else if (slash == parent) {
    folder[0] = '\0';
  } else {
    *slash = '\0';
    if (realpath(parent, folder) == nullptr) return false;
  }
  return snprintf(out, PATH_MAX, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name) < PATH_MAX;
}

void lock_for_fork() { pthread_mutex_lock(&mutex); }
void unlock_after_fork() { pthread_mutex_unlock(&mutex); }

void start() {
  const char* const dir = getenv("SPOOLSHIM_DIR");
  const char* const log = getenv("SPOOLSHIM_LOG");
  if (dir == nullptr) return;
  if (!canonical(dir, root)) die("SPOOLSHIM_DIR: its parent does not exist");
  if (log != nullptr) {
    const int fd =
        static_cast<int>(syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (fd < 0) die("SPOOLSHIM_LOG cannot be opened");
    // High, so that the program's own numbers are those of a run without the shim.
    log_fd = static_cast<int>(syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900));
    if (log_fd < 0) die("no file descriptor for SPOOLSHIM_LOG");
    syscall(SYS_close, fd);
  }
  const char* const file = getenv("SPOOLSHIM_CONTROL");
  if (file != nullptr) snprintf(control, sizeof control, "%s", file);
  pthread_atfork(lock_for_fork, unlock_after_fork, unlock_after_fork);
  root_size = strlen(root);
}

bool is_inside(const char* path) {
  return root_size != 0 && strncmp(path, root, root_size) == 0 && (path[root_size] == '/' || path[root_size] == '\0');
}

/// The path of a file relative to a folder's descriptor; false if it is not watched.
bool watched_at(int folder, const char* path, char* out) {
  pthread_once(&once, start);
  if (root_size == 0 || path == nullptr) return false;
  const int saved = errno;
  char joined[2 * PATH_MAX];
  if (path[0] != '/' && folder != AT_FDCWD) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    char base[PATH_MAX];
    const ssize_t size = readlink(link, base, sizeof base - 1);
    if (size <= 0) {
      errno = saved;
      return false;
    }
    base[size] = '\0';
    snprintf(joined, sizeof joined, "%s/%s", base, path);
    path = joined;
  }
  const bool inside = canonical(path, out) && is_inside(out);
  errno = saved;
  return inside;
}

/// The path and inode of an open file or folder; false if it is not watched. Of a removed file the path ends in
/// " (deleted)".
bool watched_fd(int fd, char* path, uint64_t& inode) {
  pthread_once(&once, start);
  if (root_size == 0) return false;
  const int saved = errno;
  struct stat info;
  bool inside = false;
  if (fstat(fd, &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(link, path, PATH_MAX - 1);
    if (size > 0) {
      path[size] = '\0';
      inode = info.st_ino;
      inside = is_inside(path);
    }
  }
  errno = saved;
  return inside;
}

uint64_t now() {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000000000U + static_cast<uint64_t>(time.tv_nsec);
}

/// Appends a record; under the lock. Its sequence number.
uint64_t record(uint64_t time, Op op, uint64_t inode, int64_t offset, int error, const char* path, const char* path2,
                const struct iovec* data, int pieces, size_t data_size) {
  if (log_fd < 0) return 0;
  const int saved = errno;
  Header header{{'S', 'P', 'S', '1'},
                op,
                ++sequence,
                time,
                inode,
                offset,
                static_cast<uint32_t>(getpid()),
                static_cast<uint32_t>(error),
                static_cast<uint32_t>(strlen(path)),
                static_cast<uint32_t>(strlen(path2)),
                data_size};
  const auto put = [](const void* octets, size_t size) {
    const char* at = static_cast<const char*>(octets);
    while (size > 0) {
      const long written = syscall(SYS_write, log_fd, at, size);
      if (written <= 0) die("the log cannot be written");
      at += written;
      size -= static_cast<size_t>(written);
    }
  };
  // One piece for the small parts, so that a killed process leaves at most one torn record.
  char small[sizeof header + 2 * PATH_MAX];
  memcpy(small, &header, sizeof header);
  memcpy(small + sizeof header, path, header.path_size);
  memcpy(small + sizeof header + header.path_size, path2, header.path2_size);
  put(small, sizeof header + header.path_size + header.path2_size);
  for (int i = 0; i < pieces && data_size > 0; ++i) {
    const size_t size = data[i].iov_len < data_size ? data[i].iov_len : data_size;
    put(data[i].iov_base, size);
    data_size -= size;
  }
  errno = saved;
  return header.sequence;
}

void record(uint64_t time, Op op, uint64_t inode, int64_t offset, const char* path, const char* path2 = "") {
  record(time, op, inode, offset, 0, path, path2, nullptr, 0, 0);
}

int errno_of(const char* name) {
  const struct {
    const char* name;
    int value;
  } known[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},     {"EDQUOT", EDQUOT},     {"EACCES", EACCES},
               {"EROFS", EROFS},   {"EINTR", EINTR}, {"SHORT", fault_short}, {"KILL", fault_kill}};
  for (const auto& each : known)
    if (strcmp(each.name, name) == 0) return each.value;
  die("an unknown error in SPOOLSHIM_CONTROL");
}

void read_control() {
  struct stat info;
  if (control[0] == '\0') return;
  if (stat(control, &info) != 0) {
    fault_count = 0;
    control_size = -1;
    return;
  }
  if (info.st_ino == control_inode && info.st_size == control_size && info.st_mtim.tv_sec == control_time.tv_sec &&
      info.st_mtim.tv_nsec == control_time.tv_nsec)
    return;
  control_inode = info.st_ino;
  control_size = info.st_size;
  control_time = info.st_mtim;
  fault_count = 0;
  const int fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC));
  if (fd < 0) return;
  char text[8192];
  const long size = syscall(SYS_read, fd, text, sizeof text - 1);
  syscall(SYS_close, fd);
  if (size <= 0) return;
  text[size] = '\0';
  char* rest = nullptr;
  for (char* line = strtok_r(text, "\n", &rest); line != nullptr; line = strtok_r(nullptr, "\n", &rest)) {
    if (fault_count == max_faults) die("too many faults in SPOOLSHIM_CONTROL");
    Fault& fault = faults[fault_count];
    char error[16];
    char count[24] = "1";
    fault.part[0] = '\0';
    unsigned long from = 0;
    if (sscanf(line, "%15s %15s %lu %23s %127s", fault.call, error, &from, count, fault.part) < 3 || from == 0)
      die("a malformed line in SPOOLSHIM_CONTROL");
    fault.error = errno_of(error);
    fault.from = from;
    fault.count = strcmp(count, "*") == 0 ? 0 : strtoul(count, nullptr, 10);
    fault.seen = 0;
    ++fault_count;
  }
}

/// Whether this call must fail; under the lock. 0, an errno, or fault_short.
int fault_for(const char* call, uint64_t inode, const char* path) {
  const int saved = errno;
  read_control();
  int error = 0;
  for (size_t i = 0; i < fault_count; ++i) {
    Fault& fault = faults[i];
    if (strcmp(fault.call, "any") != 0 && strcmp(fault.call, call) != 0) continue;
    if (fault.part[0] != '\0' && strstr(path, fault.part) == nullptr) continue;
    const uint64_t place = ++fault.seen;
    if (error != 0 || place < fault.from) continue;
    if (fault.count != 0 && place >= fault.from + fault.count) continue;
    error = fault.error;
  }
  if (error != 0) record(now(), op_fault, inode, error, error > 0 ? error : 0, path, call, nullptr, 0, 0);
  if (error == fault_kill) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  errno = saved;
  return error;
}

class Lock {
 public:
  Lock() { pthread_mutex_lock(&mutex); }
  ~Lock() { pthread_mutex_unlock(&mutex); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
};

template <class T>
T refuse(int error) {
  errno = error;
  return static_cast<T>(-1);
}

/// A sync of `fd`, with `call` doing it. Not under the lock while it runs.
template <class Call>
int sync_fd(int fd, Call call) {
  char path[PATH_MAX];
  uint64_t inode = 0;
  if (!watched_fd(fd, path, inode)) return call();
  uint64_t begin = 0;
  int error = 0;
  {
    const Lock lock;
    error = fault_for("sync", inode, path);
    begin = record(now(), op_sync_begin, inode, 0, 0, path, "", nullptr, 0, 0);
  }
  int result = -1;
  if (error > 0)
    errno = error;
  else
    result = call();
  const int saved = errno;
  {
    const Lock lock;
    record(now(), op_sync_end, inode, static_cast<int64_t>(begin), result == 0 ? 0 : saved, path, "", nullptr, 0, 0);
  }
  errno = saved;
  return result;
}

bool is_synchronous(int fd) { return (fcntl(fd, F_GETFL) & (O_SYNC | O_DSYNC)) != 0; }

/// A write in pieces. `offset` below 0: at the file's own place. `call` gets the pieces, maybe shortened.
template <class Call>
ssize_t write_pieces(int fd, const struct iovec* pieces, int count, int64_t offset, bool durable, Call call) {
  char path[PATH_MAX];
  uint64_t inode = 0;
  if (count < 0 || count > IOV_MAX || !watched_fd(fd, path, inode)) return call(pieces, count);
  ssize_t written = 0;
  {
    const Lock lock;
    const int error = fault_for("write", inode, path);
    if (error > 0) return refuse<ssize_t>(error);
    const uint64_t time = now();
    if (error == fault_short && count > 0) {
      struct iovec half = pieces[0];
      half.iov_len = (half.iov_len + 1) / 2;
      written = call(&half, 1);
    } else {
      written = call(pieces, count);
    }
    if (written > 0) {
      const int saved = errno;
      if (offset < 0 || (fcntl(fd, F_GETFL) & O_APPEND) != 0) {
        struct stat info;
        // pwrite() to a file opened with O_APPEND appends, and leaves the file's own place alone.
        if (offset >= 0 && fstat(fd, &info) == 0)
          offset = info.st_size - written;
        else
          offset = lseek(fd, 0, SEEK_CUR) - written;
      }
      record(time, op_write, inode, offset, 0, path, "", pieces, count, static_cast<size_t>(written));
      errno = saved;
    }
  }
  if (written > 0 && (durable || is_synchronous(fd))) sync_fd(fd, [] { return 0; });
  return written;
}

int truncate_to(int fd, int64_t size, const char* path, uint64_t inode, int (*call)(int, int64_t)) {
  const Lock lock;
  const int error = fault_for("truncate", inode, path);
  if (error > 0) return refuse<int>(error);
  const uint64_t time = now();
  const int result = call(fd, size);
  if (result == 0) record(time, op_truncate, inode, size, path);
  return result;
}

template <class Call>
int open_path(int folder, const char* given, int flags, mode_t mode, Call call) {
  char path[PATH_MAX];
  if (!watched_at(folder, given, path)) return call();
  const Lock lock;
  const bool changing = (flags & (O_CREAT | O_TRUNC)) != 0;
  if (changing) {
    const int error = fault_for("open", 0, path);
    if (error > 0) return refuse<int>(error);
  }
  struct stat info;
  const int saved = errno;
  const bool was_there = fstatat(AT_FDCWD, path, &info, AT_SYMLINK_NOFOLLOW) == 0;
  const int64_t old_size = was_there ? info.st_size : 0;
  errno = saved;
  const uint64_t time = now();
  const int fd = call();
  if (fd < 0) return fd;
  if (fstat(fd, &info) != 0) die("a file that was just opened cannot be inspected");
  if ((flags & O_TMPFILE) == O_TMPFILE) {
    record(time, op_unsupported, info.st_ino, 0, path, "O_TMPFILE");
  } else if (was_there || (flags & O_CREAT) == 0) {
    record(time, op_open, info.st_ino, 0, path);
    if ((flags & O_TRUNC) != 0 && old_size > 0) record(time, op_truncate, info.st_ino, 0, path);
  } else {
    record(time, op_create, info.st_ino, static_cast<int64_t>(info.st_mode & 07777), path);
  }
  static_cast<void>(mode);
  errno = saved;
  return fd;
}

mode_t mode_of(int flags, va_list arguments) {
  const bool given = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return given ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
}

/// A change of names. `call` makes it; `log` records it if it was made.
template <class Call, class Log>
int change_names(const char* kind, const char* path, Call call, Log log) {
  const Lock lock;
  const int error = fault_for(kind, 0, path);
  if (error > 0) return refuse<int>(error);
  const uint64_t time = now();
  const int result = call();
  if (result == 0) {
    const int saved = errno;
    log(time);
    errno = saved;
  }
  return result;
}

uint64_t inode_of(const char* path) {
  struct stat info;
  return fstatat(AT_FDCWD, path, &info, AT_SYMLINK_NOFOLLOW) == 0 ? info.st_ino : 0;
}

template <class Call>
int rename_path(int from_folder, const char* from, int to_folder, const char* to, unsigned flags, Call call) {
  char old_path[PATH_MAX];
  char new_path[PATH_MAX];
  const bool leaves = watched_at(from_folder, from, old_path);
  const bool comes = watched_at(to_folder, to, new_path);
  if (!leaves && !comes) return call();
  return change_names("rename", leaves ? old_path : new_path, call, [&](uint64_t time) {
    if (!leaves || !comes || flags > 1)  // RENAME_NOREPLACE alone changes nothing for us
      record(time, op_unsupported, 0, 0, leaves ? old_path : new_path, "a rename across the folder's edge");
    else
      record(time, op_rename, inode_of(new_path), 0, old_path, new_path);
  });
}

template <class Call>
int unlink_path(int folder, const char* given, bool is_folder, Call call) {
  char path[PATH_MAX];
  if (!watched_at(folder, given, path)) return call();
  const uint64_t inode = inode_of(path);
  return change_names("unlink", path, call,
                      [&](uint64_t time) { record(time, is_folder ? op_rmdir : op_unlink, inode, 0, path); });
}

template <class Call>
int link_path(int to_folder, const char* to, Call call) {
  char path[PATH_MAX];
  if (!watched_at(to_folder, to, path)) return call();
  return change_names("link", path, call, [&](uint64_t time) { record(time, op_link, inode_of(path), 0, path, path); });
}

template <class Call>
int make_folder(int folder, const char* given, Call call) {
  char path[PATH_MAX];
  if (!watched_at(folder, given, path)) return call();
  return change_names("mkdir", path, call, [&](uint64_t time) {
    struct stat info;
    if (fstatat(AT_FDCWD, path, &info, AT_SYMLINK_NOFOLLOW) == 0)
      record(time, op_mkdir, info.st_ino, static_cast<int64_t>(info.st_mode & 07777), path);
  });
}

template <class Call>
int allocate(int fd, int mode, int64_t offset, int64_t size, Call call) {
  char path[PATH_MAX];
  uint64_t inode = 0;
  if (!watched_fd(fd, path, inode)) return call();
  const Lock lock;
  const int error = fault_for("allocate", inode, path);
  if (error > 0) return refuse<int>(error);
  const uint64_t time = now();
  const int result = call();
  if (result != 0 || mode == FALLOC_FL_KEEP_SIZE) return result;
  if (mode == 0)
    record(time, op_allocate, inode, offset + size, path);
  else
    record(time, op_unsupported, inode, mode, path, "fallocate with this mode");
  return result;
}

/// After octets went into `fd` without passing through the program: reads them back for the log. Under the lock.
void record_region(uint64_t time, int fd, uint64_t inode, const char* path, int64_t offset, size_t size) {
  char* const octets = static_cast<char*>(malloc(size));
  if (octets == nullptr) die("no memory");
  // The descriptor may be for writing only.
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const int reader = static_cast<int>(syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC));
  size_t got = 0;
  while (reader >= 0 && got < size) {
    const ssize_t n = pread(reader, octets + got, size - got, offset + static_cast<int64_t>(got));
    if (n <= 0) break;
    got += static_cast<size_t>(n);
  }
  if (reader >= 0) syscall(SYS_close, reader);
  if (got != size) die("what was copied cannot be read back");
  const struct iovec piece { octets, size };
  record(time, op_write, inode, offset, 0, path, "", &piece, 1, size);
  free(octets);
}

/// copy_file_range and sendfile: `call` moves octets into `fd` at `place`, or at the file's own.
template <class Call>
ssize_t copy_into(int fd, const int64_t* place, Call call) {
  char path[PATH_MAX];
  uint64_t inode = 0;
  if (!watched_fd(fd, path, inode)) return call();
  const Lock lock;
  const int error = fault_for("write", inode, path);
  if (error > 0) return refuse<ssize_t>(error);
  const int64_t start = place != nullptr ? *place : lseek(fd, 0, SEEK_CUR);
  const uint64_t time = now();
  const ssize_t copied = call();
  if (copied > 0) {
    const int saved = errno;
    record_region(time, fd, inode, path, start, static_cast<size_t>(copied));
    errno = saved;
  }
  return copied;
}

void note_stream(FILE* stream) {
  char path[PATH_MAX];
  uint64_t inode = 0;
  if (stream == nullptr || !watched_fd(fileno(stream), path, inode)) return;
  const Lock lock;
  record(now(), op_unsupported, inode, 0, path, "stdio: its writes are not seen");
}

void note_advice(int fd, int advice) {
  char path[PATH_MAX];
  uint64_t inode = 0;
  if (advice != POSIX_FADV_DONTNEED || !watched_fd(fd, path, inode)) return;
  const Lock lock;
  record(now(), op_drop, inode, 0, path);
}

}  // namespace

// The functions themselves. The variants with 64 are separate symbols.

#define DEFINE_OPEN(name)                                                                         \
  SHIM_EXPORT int name(const char* path, int flags, ...) {                                        \
    va_list arguments;                                                                            \
    va_start(arguments, flags);                                                                   \
    const mode_t mode = mode_of(flags, arguments);                                                \
    va_end(arguments);                                                                            \
    return open_path(AT_FDCWD, path, flags, mode, [&] { return REAL(name)(path, flags, mode); }); \
  }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                                                             \
  SHIM_EXPORT int name(int folder, const char* path, int flags, ...) {                                  \
    va_list arguments;                                                                                  \
    va_start(arguments, flags);                                                                         \
    const mode_t mode = mode_of(flags, arguments);                                                      \
    va_end(arguments);                                                                                  \
    return open_path(folder, path, flags, mode, [&] { return REAL(name)(folder, path, flags, mode); }); \
  }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

// What _FORTIFY_SOURCE makes of calls without a mode.
SHIM_EXPORT int __open_2(const char* path, int flags) { return open(path, flags); }
SHIM_EXPORT int __open64_2(const char* path, int flags) { return open64(path, flags); }
SHIM_EXPORT int __openat_2(int folder, const char* path, int flags) { return openat(folder, path, flags); }
SHIM_EXPORT int __openat64_2(int folder, const char* path, int flags) { return openat64(folder, path, flags); }

SHIM_EXPORT int creat(const char* path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
SHIM_EXPORT int creat64(const char* path, mode_t mode) { return open64(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

#define DEFINE_FOPEN(name)                                     \
  SHIM_EXPORT FILE* name(const char* path, const char* mode) { \
    FILE* const stream = REAL(name)(path, mode);               \
    if (strpbrk(mode, "wa+") != nullptr) note_stream(stream);  \
    return stream;                                             \
  }
DEFINE_FOPEN(fopen)
DEFINE_FOPEN(fopen64)

SHIM_EXPORT FILE* fdopen(int fd, const char* mode) {
  FILE* const stream = REAL(fdopen)(fd, mode);
  if (strpbrk(mode, "wa+") != nullptr) note_stream(stream);
  return stream;
}

SHIM_EXPORT ssize_t write(int fd, const void* data, size_t size) {
  const struct iovec piece { const_cast<void*>(data), size };
  return write_pieces(fd, &piece, 1, -1, false, [&](const struct iovec* pieces, int) {
    return REAL(write)(fd, pieces->iov_base, pieces->iov_len);
  });
}
SHIM_EXPORT ssize_t writev(int fd, const struct iovec* pieces, int count) {
  return write_pieces(fd, pieces, count, -1, false,
                      [&](const struct iovec* some, int n) { return REAL(writev)(fd, some, n); });
}

#define DEFINE_PWRITE(name)                                                                \
  SHIM_EXPORT ssize_t name(int fd, const void* data, size_t size, off64_t offset) {        \
    const struct iovec piece { const_cast<void*>(data), size };                            \
    return write_pieces(fd, &piece, 1, offset, false, [&](const struct iovec* some, int) { \
      return REAL(name)(fd, some->iov_base, some->iov_len, offset);                        \
    });                                                                                    \
  }
DEFINE_PWRITE(pwrite)
DEFINE_PWRITE(pwrite64)

#define DEFINE_PWRITEV(name)                                                                               \
  SHIM_EXPORT ssize_t name(int fd, const struct iovec* pieces, int count, off64_t offset) {                \
    return write_pieces(fd, pieces, count, offset, false,                                                  \
                        [&](const struct iovec* some, int n) { return REAL(name)(fd, some, n, offset); }); \
  }
DEFINE_PWRITEV(pwritev)
DEFINE_PWRITEV(pwritev64)

#define DEFINE_PWRITEV2(name)                                                                                     \
  SHIM_EXPORT ssize_t name(int fd, const struct iovec* pieces, int count, off64_t offset, int flags) {            \
    return write_pieces(fd, pieces, count, offset, (flags & (RWF_DSYNC | RWF_SYNC)) != 0,                         \
                        [&](const struct iovec* some, int n) { return REAL(name)(fd, some, n, offset, flags); }); \
  }
DEFINE_PWRITEV2(pwritev2)
DEFINE_PWRITEV2(pwritev64v2)

#define DEFINE_FTRUNCATE(name)                                                                    \
  SHIM_EXPORT int name(int fd, off64_t size) noexcept {                                           \
    char path[PATH_MAX];                                                                          \
    uint64_t inode = 0;                                                                           \
    if (!watched_fd(fd, path, inode)) return REAL(name)(fd, size);                                \
    return truncate_to(fd, size, path, inode, [](int f, int64_t s) { return REAL(name)(f, s); }); \
  }
DEFINE_FTRUNCATE(ftruncate)
DEFINE_FTRUNCATE(ftruncate64)

// Through a descriptor, so that the inode is certain.
SHIM_EXPORT int truncate(const char* path, off64_t size) noexcept {
  char watched[PATH_MAX];
  if (!watched_at(AT_FDCWD, path, watched)) return REAL(truncate)(path, size);
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const int result = ftruncate(fd, size);
  const int saved = errno;
  syscall(SYS_close, fd);
  errno = saved;
  return result;
}
SHIM_EXPORT int truncate64(const char* path, off64_t size) noexcept { return truncate(path, size); }

SHIM_EXPORT int fsync(int fd) {
  return sync_fd(fd, [fd] { return REAL(fsync)(fd); });
}
SHIM_EXPORT int fdatasync(int fd) {
  return sync_fd(fd, [fd] { return REAL(fdatasync)(fd); });
}
// Starts writing out, promises nothing (sync_file_range(2), "Warning"): passed on, and not taken for a sync.

SHIM_EXPORT int rename(const char* from, const char* to) noexcept {
  return rename_path(AT_FDCWD, from, AT_FDCWD, to, 0, [&] { return REAL(rename)(from, to); });
}
SHIM_EXPORT int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  return rename_path(from_folder, from, to_folder, to, 0,
                     [&] { return REAL(renameat)(from_folder, from, to_folder, to); });
}
SHIM_EXPORT int renameat2(int from_folder, const char* from, int to_folder, const char* to,
                          unsigned int flags) noexcept {
  return rename_path(from_folder, from, to_folder, to, flags,
                     [&] { return REAL(renameat2)(from_folder, from, to_folder, to, flags); });
}

SHIM_EXPORT int unlink(const char* path) noexcept {
  return unlink_path(AT_FDCWD, path, false, [&] { return REAL(unlink)(path); });
}
SHIM_EXPORT int unlinkat(int folder, const char* path, int flags) noexcept {
  return unlink_path(folder, path, (flags & AT_REMOVEDIR) != 0, [&] { return REAL(unlinkat)(folder, path, flags); });
}
SHIM_EXPORT int rmdir(const char* path) noexcept {
  return unlink_path(AT_FDCWD, path, true, [&] { return REAL(rmdir)(path); });
}
// libc's own calls the kernel past us.
SHIM_EXPORT int remove(const char* path) noexcept {
  const int saved = errno;
  if (unlink(path) == 0) return 0;
  if (errno != EISDIR && errno != EPERM) return -1;
  errno = saved;
  return rmdir(path);
}

SHIM_EXPORT int link(const char* from, const char* to) noexcept {
  return link_path(AT_FDCWD, to, [&] { return REAL(link)(from, to); });
}
SHIM_EXPORT int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  return link_path(to_folder, to, [&] { return REAL(linkat)(from_folder, from, to_folder, to, flags); });
}
SHIM_EXPORT int symlink(const char* target, const char* path) noexcept {
  char watched[PATH_MAX];
  if (!watched_at(AT_FDCWD, path, watched)) return REAL(symlink)(target, path);
  return change_names(
      "link", watched, [&] { return REAL(symlink)(target, path); },
      [&](uint64_t time) { record(time, op_unsupported, 0, 0, watched, "a symbolic link"); });
}

SHIM_EXPORT int mkdir(const char* path, mode_t mode) noexcept {
  return make_folder(AT_FDCWD, path, [&] { return REAL(mkdir)(path, mode); });
}
SHIM_EXPORT int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  return make_folder(folder, path, [&] { return REAL(mkdirat)(folder, path, mode); });
}

#define DEFINE_FALLOCATE(name)                                                                   \
  SHIM_EXPORT int name(int fd, int mode, off64_t offset, off64_t size) {                         \
    return allocate(fd, mode, offset, size, [&] { return REAL(name)(fd, mode, offset, size); }); \
  }
DEFINE_FALLOCATE(fallocate)
DEFINE_FALLOCATE(fallocate64)

// These return the error instead of setting errno.
#define DEFINE_POSIX_FALLOCATE(name)                                                                \
  SHIM_EXPORT int name(int fd, off64_t offset, off64_t size) {                                      \
    const int result = allocate(fd, 0, offset, size, [&] { return REAL(name)(fd, offset, size); }); \
    return result == -1 ? errno : result;                                                           \
  }
DEFINE_POSIX_FALLOCATE(posix_fallocate)
DEFINE_POSIX_FALLOCATE(posix_fallocate64)

#define DEFINE_FADVISE(name)                                                        \
  SHIM_EXPORT int name(int fd, off64_t offset, off64_t size, int advice) noexcept { \
    note_advice(fd, advice);                                                        \
    return REAL(name)(fd, offset, size, advice);                                    \
  }
DEFINE_FADVISE(posix_fadvise)
DEFINE_FADVISE(posix_fadvise64)

SHIM_EXPORT ssize_t copy_file_range(int from, off64_t* from_place, int to, off64_t* to_place, size_t size,
                                    unsigned int flags) {
  return copy_into(to, to_place, [&] { return REAL(copy_file_range)(from, from_place, to, to_place, size, flags); });
}

extern "C" ssize_t sendfile(int to, int from, off64_t* place, size_t size) noexcept;
extern "C" ssize_t sendfile64(int to, int from, off64_t* place, size_t size) noexcept;
SHIM_EXPORT ssize_t sendfile(int to, int from, off64_t* place, size_t size) noexcept {
  return copy_into(to, nullptr, [&] { return REAL(sendfile)(to, from, place, size); });
}
SHIM_EXPORT ssize_t sendfile64(int to, int from, off64_t* place, size_t size) noexcept {
  return copy_into(to, nullptr, [&] { return REAL(sendfile64)(to, from, place, size); });
}

SHIM_EXPORT ssize_t splice(int from, off64_t* from_place, int to, off64_t* to_place, size_t size, unsigned int flags) {
  char path[PATH_MAX];
  uint64_t inode = 0;
  if (watched_fd(to, path, inode)) {
    const Lock lock;
    record(now(), op_unsupported, inode, 0, path, "splice");
  }
  return REAL(splice)(from, from_place, to, to_place, size, flags);
}

// SQLite keeps the index of its log in a shared mapping, and makes it anew after a crash; any other would be unseen.
void note_mapping(int protection, int flags, int fd) {
  char path[PATH_MAX];
  uint64_t inode = 0;
  if ((protection & PROT_WRITE) == 0 || (flags & MAP_TYPE) == MAP_PRIVATE || (flags & MAP_ANONYMOUS) != 0) return;
  if (!watched_fd(fd, path, inode)) return;
  const size_t size = strlen(path);
  if (size > 4 && strcmp(path + size - 4, "-shm") == 0) return;
  const Lock lock;
  record(now(), op_unsupported, inode, 0, path, "a shared writable mapping");
}
#define DEFINE_MMAP(name)                                                                                          \
  SHIM_EXPORT void* name(void* address, size_t size, int protection, int flags, int fd, off64_t offset) noexcept { \
    note_mapping(protection, flags, fd);                                                                           \
    return REAL(name)(address, size, protection, flags, fd, offset);                                               \
  }
DEFINE_MMAP(mmap)
DEFINE_MMAP(mmap64)
