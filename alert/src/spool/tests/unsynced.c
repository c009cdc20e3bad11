/* Writes down, in order, what a process does to the files of one directory, so that a test can make up what a power cut would leave of it:
 * what was synced, and any part of the rest. To be preloaded. WEIR_CRASH_DIR: the directory; WEIR_CRASH_LOG: where it is written down.
 *
 * A record: what was done (1 byte), length of the name (1), offset (8), length of the data (8), name, data; numbers in the order of the machine.
 * C made, W written, T cut to offset, U unlinked, R renamed (the data is the other name), S file synced, D directory synced. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define FILES 1024
#define NAME 128

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char names[FILES][NAME]; /* of open files, with a mark in front; empty: not ours */
static int log_fd = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The name inside the directory; "" for itself; NULL: not ours. */
static const char *inside(const char *path) {
    const char *directory = getenv("WEIR_CRASH_DIR");
    size_t length = directory ? strlen(directory) : 0;
    if (!length || strncmp(path, directory, length)) return NULL;
    if (path[length] == 0) return path + length;
    return path[length] == '/' && strlen(path + length + 1) < NAME - 1 ? path + length + 1 : NULL;
}

static void all(const void *data, size_t length) {
    if (REAL(write)(log_fd, data, length) != (ssize_t)length) abort();
}

static void record(char what, const char *name, uint64_t offset, const void *data, uint64_t length) {
    uint8_t name_length = strlen(name);
    if (log_fd < 0) log_fd = REAL(open)(getenv("WEIR_CRASH_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    all(&what, 1);
    all(&name_length, 1);
    all(&offset, 8);
    all(&length, 8);
    all(name, name_length);
    all(data, length);
}

static const char *name_of(int fd) { return fd >= 0 && fd < FILES && names[fd][0] ? names[fd] + 1 : NULL; }

static int opened(int fd, const char *path, int existed) {
    const char *name = inside(path);
    if (fd < 0 || fd >= FILES || !name) return fd;
    names[fd][0] = '=';
    strcpy(names[fd] + 1, name);
    if (!existed) record('C', name, 0, "", 0);
    return fd;
}

#define OPEN(function)                                                    \
    int function(const char *path, int flags, ...) {                      \
        va_list rest;                                                     \
        va_start(rest, flags);                                            \
        mode_t mode = va_arg(rest, mode_t);                               \
        va_end(rest);                                                     \
        pthread_mutex_lock(&lock);                                        \
        int existed = access(path, F_OK) == 0;                            \
        int fd = opened(REAL(function)(path, flags, mode), path, existed); \
        pthread_mutex_unlock(&lock);                                      \
        return fd;                                                        \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FILES) names[fd][0] = 0;
    int result = REAL(close)(fd);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t write(int fd, const void *data, size_t length) {
    pthread_mutex_lock(&lock);
    const char *name = name_of(fd);
    ssize_t done = REAL(write)(fd, data, length);
    if (name && done > 0) record('W', name, lseek(fd, 0, SEEK_CUR) - done, data, done);
    pthread_mutex_unlock(&lock);
    return done;
}

#define PWRITE(function, offset_type)                                             \
    ssize_t function(int fd, const void *data, size_t length, offset_type offset) { \
        pthread_mutex_lock(&lock);                                                \
        const char *name = name_of(fd);                                           \
        ssize_t done = REAL(function)(fd, data, length, offset);                  \
        if (name && done > 0) record('W', name, offset, data, done);              \
        pthread_mutex_unlock(&lock);                                              \
        return done;                                                              \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(function, offset_type)                        \
    int function(int fd, offset_type length) {                 \
        pthread_mutex_lock(&lock);                             \
        const char *name = name_of(fd);                        \
        int result = REAL(function)(fd, length);               \
        if (name && !result) record('T', name, length, "", 0); \
        pthread_mutex_unlock(&lock);                           \
        return result;                                         \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(function)                                                        \
    int function(int fd) {                                                    \
        pthread_mutex_lock(&lock);                                            \
        const char *name = name_of(fd);                                       \
        int result = REAL(function)(fd);                                      \
        if (name && !result) record(name[0] ? 'S' : 'D', name, 0, "", 0);      \
        pthread_mutex_unlock(&lock);                                          \
        return result;                                                        \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    pthread_mutex_lock(&lock);
    int result = REAL(unlink)(path);
    if (!result && inside(path)) record('U', inside(path), 0, "", 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *from, const char *to) {
    pthread_mutex_lock(&lock);
    int result = REAL(rename)(from, to);
    if (!result && inside(from) && inside(to)) record('R', inside(from), 0, inside(to), strlen(inside(to)));
    pthread_mutex_unlock(&lock);
    return result;
}
