/* os/posix/thread.c: threads, mutexes and conditions over pthreads. */
#include "os/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define THREAD_NAME_MAX 16 /* of Linux, with the terminator */

struct os_thread {
    pthread_t id;
    void (*run)(void *);
    void *context;
    char name[THREAD_NAME_MAX];
};

struct os_mutex {
    pthread_mutex_t native;
};

struct os_condition {
    pthread_cond_t native;
};

static void *run_thread(void *argument)
{
    struct os_thread *thread = argument;
    (void)pthread_setname_np(pthread_self(), thread->name);
    thread->run(thread->context);
    return NULL;
}

int os_thread_start(const char *name, void (*run)(void *), void *context,
                    struct os_thread **ret_thread)
{
    struct os_thread *thread = malloc(sizeof *thread);
    if (thread == NULL) {
        return ENOMEM;
    }
    thread->run = run;
    thread->context = context;
    snprintf(thread->name, sizeof thread->name, "%s", name);

    /* A new thread inherits the mask, so signals are blocked before it exists. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error == 0) {
        error = pthread_create(&thread->id, NULL, run_thread, thread);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (error != 0) {
        free(thread);
        return error;
    }
    *ret_thread = thread;
    return 0;
}

void os_thread_join(struct os_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    (void)pthread_join(thread->id, NULL);
    free(thread);
}

void os_thread_lower_priority(int nice_steps)
{
    /* On Linux a nice value belongs to the thread, and PRIO_PROCESS takes a thread id. */
    id_t self = (id_t)gettid();
    errno = 0;
    int current = getpriority(PRIO_PROCESS, self);
    if (errno == 0) {
        (void)setpriority(PRIO_PROCESS, self, current + nice_steps);
    }
}

struct os_mutex *os_mutex_new(void)
{
    struct os_mutex *mutex = malloc(sizeof *mutex);
    if (mutex != NULL && pthread_mutex_init(&mutex->native, NULL) != 0) {
        free(mutex);
        mutex = NULL;
    }
    return mutex;
}

void os_mutex_free(struct os_mutex *mutex)
{
    if (mutex != NULL) {
        (void)pthread_mutex_destroy(&mutex->native);
        free(mutex);
    }
}

void os_mutex_lock(struct os_mutex *mutex)
{
    (void)pthread_mutex_lock(&mutex->native);
}

void os_mutex_unlock(struct os_mutex *mutex)
{
    (void)pthread_mutex_unlock(&mutex->native);
}

static int init_monotonic_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
    if (error != 0) {
        return error;
    }
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (error == 0) {
        error = pthread_cond_init(condition, &attributes);
    }
    (void)pthread_condattr_destroy(&attributes);
    return error;
}

struct os_condition *os_condition_new(void)
{
    struct os_condition *condition = malloc(sizeof *condition);
    if (condition != NULL && init_monotonic_condition(&condition->native) != 0) {
        free(condition);
        condition = NULL;
    }
    return condition;
}

void os_condition_free(struct os_condition *condition)
{
    if (condition != NULL) {
        (void)pthread_cond_destroy(&condition->native);
        free(condition);
    }
}

bool os_condition_wait(struct os_condition *condition, struct os_mutex *mutex, uint32_t timeout_ms)
{
    if (timeout_ms == UINT32_MAX) {
        return pthread_cond_wait(&condition->native, &mutex->native) == 0;
    }
    struct timespec deadline;
    (void)clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += (time_t)(timeout_ms / 1000);
    deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    if (deadline.tv_nsec >= 1000000000L) {
        deadline.tv_nsec -= 1000000000L;
        deadline.tv_sec++;
    }
    return pthread_cond_timedwait(&condition->native, &mutex->native, &deadline) == 0;
}

void os_condition_signal(struct os_condition *condition)
{
    (void)pthread_cond_signal(&condition->native);
}

void os_condition_broadcast(struct os_condition *condition)
{
    (void)pthread_cond_broadcast(&condition->native);
}
