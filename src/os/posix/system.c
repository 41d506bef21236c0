/* os/posix/system.c: this machine and this process, on Linux. */
#include "os/system.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void os_host_name(char *ret_name, size_t size)
{
    char name[256]; /* HOST_NAME_MAX is 64; a domain may follow */
    if (gethostname(name, sizeof name) != 0) {
        name[0] = '\0';
    }
    name[sizeof name - 1] = '\0';
    name[strcspn(name, ".")] = '\0';
    snprintf(ret_name, size, "%s", name[0] != '\0' ? name : "localhost");
}

uint32_t os_process_id(void)
{
    return (uint32_t)getpid();
}

uint32_t os_user_id(void)
{
    return (uint32_t)geteuid();
}

unsigned os_processor_count(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) > 0) {
        return (unsigned)CPU_COUNT(&allowed);
    }
    /* cpu_set_t is too small on machines with more than 1024 processors */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

bool os_random(void *ret_bytes, size_t size)
{
    unsigned char *at = ret_bytes;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        at += got;
        size -= (size_t)got;
    }
    return true;
}

uint64_t os_process_cpu_ns(void)
{
    struct timespec used;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) {
        return 0;
    }
    return (uint64_t)used.tv_sec * UINT64_C(1000000000) + (uint64_t)used.tv_nsec;
}

uint64_t os_process_memory(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm == NULL) {
        return 0;
    }
    unsigned long long total_pages = 0;
    unsigned long long resident_pages = 0;
    int fields = fscanf(statm, "%llu %llu", &total_pages, &resident_pages);
    fclose(statm);
    long page_size = sysconf(_SC_PAGESIZE);
    return fields == 2 && page_size > 0 ? resident_pages * (unsigned long long)page_size : 0;
}

void os_release_free_memory(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

uint64_t os_raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (limit.rlim_cur < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &raised) == 0) {
        return raised.rlim_cur;
    }
    return limit.rlim_cur;
}

void os_ignore_broken_pipes(void)
{
    struct sigaction ignore;
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    sigemptyset(&ignore.sa_mask);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

const char *os_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

bool os_is_terminal(int fd)
{
    return isatty(fd) == 1;
}

int os_read(int fd, void *ret_bytes, size_t size, size_t *ret_size)
{
    ssize_t got = read(fd, ret_bytes, size);
    *ret_size = got > 0 ? (size_t)got : 0;
    return got < 0 ? errno : 0;
}
