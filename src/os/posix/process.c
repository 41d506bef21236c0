/* os/posix/process.c: fork and execve, process groups, SIGCHLD, and on Linux the ties that bind a
 * child to its parent and the filter that takes execve from it. */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/poller.h"

#define EXIT_NOT_STARTED   127
#define FIRST_FOREIGN_CALL 0x40000000u

/* ---- starting ---- */

static void default_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)signal(signals[i], SIG_DFL);
    }
}

/* Nobody may be left behind by a parent that was killed, also if that was just now. */
static void bind_to(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(EXIT_NOT_STARTED);
    }
}

static void become(const struct os_program *program, pid_t parent)
{
    bind_to(parent);
    default_signals();
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nowhere < 0 || dup2(nowhere, STDIN_FILENO) < 0 || setpgid(0, 0) != 0 ||
        chdir(program->directory) != 0 ||
        syscall(SYS_close_range, STDERR_FILENO + 1u, ~0u, CLOSE_RANGE_CLOEXEC) != 0) {
        return;
    }
    (void)execve(program->executable, program->arguments, program->environment);
}

/* The pipe closes with execve, or brings the reason why there was none. */
static int wait_for_start(int from_child, pid_t pid)
{
    int error = 0;
    ssize_t size;
    do {
        size = read(from_child, &error, sizeof error);
    } while (size < 0 && errno == EINTR);
    if (size == 0) {
        return 0;
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return size == (ssize_t)sizeof error ? error : EIO;
}

int os_process_start(const struct os_program *program, int *ret_pid)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return errno;
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become(program, parent);
        int error = errno;
        ssize_t ignored = write(ends[1], &error, sizeof error);
        (void)ignored;
        _exit(EXIT_NOT_STARTED);
    }
    int error = pid < 0 ? errno : 0;
    (void)close(ends[1]);
    if (error == 0) {
        error = wait_for_start(ends[0], pid);
    }
    (void)close(ends[0]);
    *ret_pid = error == 0 ? pid : 0;
    return error;
}

/* A signal to the copy that our handler took would be forgotten: it comes when the copy has none.
 */
int os_process_fork(int *ret_pid)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    int error = pid < 0 ? errno : 0;
    if (pid == 0) {
        bind_to(parent);
        (void)signal(SIGCHLD, SIG_DFL);
        os_signals_release();
        (void)setpgid(0, 0);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    *ret_pid = error == 0 ? pid : 0;
    return error;
}

/* ---- ending ---- */

void os_process_end(int pid, bool hard)
{
    int number = hard ? SIGKILL : SIGTERM;
    if (kill(-pid, number) != 0) {
        (void)kill(pid, number); /* it has not made its group yet */
    }
}

void os_process_ask_to_read_again(int pid)
{
    (void)kill(pid, SIGHUP);
}

static atomic_int watching_wakeup = -1;

static void on_child(int number)
{
    int saved = errno;
    (void)number;
    os_wakeup_send(atomic_load(&watching_wakeup));
    errno = saved;
}

int os_process_watch(int wakeup)
{
    struct sigaction action = {.sa_flags = SA_RESTART | SA_NOCLDSTOP};
    action.sa_handler = on_child;
    (void)sigemptyset(&action.sa_mask);
    atomic_store(&watching_wakeup, wakeup);
    return sigaction(SIGCHLD, &action, NULL) == 0 ? 0 : errno;
}

bool os_process_take_end(struct os_process_end *ret_end)
{
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) {
        return false;
    }
    bool killed = WIFSIGNALED(status);
    *ret_end = (struct os_process_end){
        .pid = pid,
        .killed = killed,
        .asked = killed && (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT),
        .number = killed ? WTERMSIG(status) : WEXITSTATUS(status)};
    return true;
}

/* ---- what a process gives up ---- */

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

int os_process_forbid_programs(void)
{
#ifdef OWN_ARCHITECTURE
    /* Another architecture (32 bit) has other numbers, and so has x32: neither is ours. */
    static struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_FOREIGN_CALL, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        return errno == EINVAL ? ENOSYS : errno;
    }
    return 0;
#else
    return ENOSYS;
#endif
}

/* ---- messages ---- */

int os_message_pair(int ret_ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_ends) == 0
               ? 0
               : errno;
}

int os_message_send(int end, const void *message, size_t size)
{
    return send(end, message, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : errno;
}

int os_message_receive(int end, void *ret_message, size_t size)
{
    ssize_t got = recv(end, ret_message, size, MSG_TRUNC);
    if (got < 0) {
        return errno == ECONNRESET ? EPIPE : errno;
    }
    if (got == 0) {
        return EPIPE;
    }
    return (size_t)got == size ? 0 : EMSGSIZE;
}
