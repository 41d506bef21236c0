/* os/system.h: this machine and this process. */
#ifndef D2K_OS_SYSTEM_H
#define D2K_OS_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <d2k/result.h>

/* Name of this computer without domain; "localhost" when it has none. Cut to size, terminated. */
void os_host_name(char *ret_name, size_t size);

uint32_t os_process_id(void);
uint32_t os_user_id(void);

/* Processors that this process may use; at least 1. */
unsigned os_processor_count(void);

/* Fills with cryptographically strong random bytes; false only when the system has none (do not go
 * on). */
bool os_random(void *ret_bytes, size_t size) D2K_MUST_CHECK;

/* CPU time of this process (all threads, user + system). */
uint64_t os_process_cpu_ns(void);

/* Resident memory of this process in bytes, 0 if unknown. */
uint64_t os_process_memory(void);

/* Gives memory that was freed, in small pieces between what is in use, back to the system. Takes
 * milliseconds after a crowd, in which other threads may wait for memory. */
void os_release_free_memory(void);

/* Raises the limit of open descriptors to what the administrator allows; returns the limit in
 * force. */
uint64_t os_raise_descriptor_limit(void);

/* A client that vanishes must not end us: ignores SIGPIPE for the process. */
void os_ignore_broken_pipes(void);

/* Value of an environment variable or NULL; empty counts as NULL. */
const char *os_environment(const char *name);

/* Whether this descriptor (0 stdin, 1 stdout, 2 stderr) is a terminal. */
bool os_is_terminal(int fd);

/* Reads at most `size` bytes of a terminal, pipe or file; 0 with *ret_size 0: its end. EINTR: a
 * signal came first. EAGAIN, EIO... */
int os_read(int fd, void *ret_bytes, size_t size, size_t *ret_size) D2K_MUST_CHECK;

#endif
