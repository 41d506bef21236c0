/* os/posix/terminal.c: echo off, one line, echo on again. */
#include "os/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define CTRL_C    3
#define CTRL_D    4
#define BACKSPACE 8
#define CTRL_U    21
#define DELETE    127

static int write_text(int fd, const char *text)
{
    size_t size = strlen(text);
    return write(fd, text, size) == (ssize_t)size ? 0 : EIO;
}

/* -1: the line is complete; 0: go on; else why not. */
static int take_character(char c, char *line, size_t *length, size_t size)
{
    switch (c) {
    case '\r':
    case '\n':
        return -1;
    case CTRL_C:
    case CTRL_D:
        return EINTR;
    case BACKSPACE:
    case DELETE:
        *length -= *length > 0 ? 1 : 0;
        return 0;
    case CTRL_U:
        *length = 0;
        return 0;
    default:
        if (*length + 1 >= size) {
            return E2BIG;
        }
        line[(*length)++] = c;
        return 0;
    }
}

static int read_line(int fd, char *ret_line, size_t size)
{
    size_t length = 0;
    int state = 0;
    while (state == 0) {
        char c = '\0';
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        state = got == 1 ? take_character(c, ret_line, &length, size) : EINTR;
    }
    ret_line[length] = '\0';
    return state < 0 ? 0 : state;
}

static int read_hidden(int fd, const char *prompt, char *ret_secret, size_t size)
{
    struct termios shown, hidden;
    if (tcgetattr(fd, &shown) != 0) {
        return errno;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
    hidden.c_cc[VMIN] = 1;
    hidden.c_cc[VTIME] = 0;
    /* what was typed ahead was shown: it is no secret */
    if (tcsetattr(fd, TCSAFLUSH, &hidden) != 0) {
        return errno;
    }
    int error = write_text(fd, prompt);
    if (error == 0) {
        error = read_line(fd, ret_secret, size);
    }
    (void)tcsetattr(fd, TCSAFLUSH, &shown);
    (void)write_text(fd, "\n");
    return error;
}

/* Signals that would end us while nothing is shown wait until it is shown again. */
int os_read_secret(const char *prompt, char *ret_secret, size_t size)
{
    sigset_t ending, before;
    ret_secret[0] = '\0';
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return errno;
    }
    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGTERM);
    (void)sigaddset(&ending, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &ending, &before);
    int error = read_hidden(fd, prompt, ret_secret, size);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)close(fd);
    return error;
}
