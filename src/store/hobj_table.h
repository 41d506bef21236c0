/* store/hobj_table.h: the numbers of objects and processes, the same after every restart.
 *
 * <state-dir>/hobj.tab is text, one line a name: "<number> <name>\n", in the order in which the
 * numbers were given. It is read once; look-ups are answered from memory; new lines are written by
 * a thread of its own, so that who asks never waits for a disk. A line is never changed or removed.
 * What was given just before a power failure may be forgotten.
 *
 * Threads: one thread uses a table. Locks: <state-dir>/hobj.lock keeps a second kernel of the same
 * application on this machine away. */
#ifndef D2K_STORE_HOBJ_TABLE_H
#define D2K_STORE_HOBJ_TABLE_H

#include <stdint.h>

#include <d2k/result.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/log.h"

#define HOBJ_TABLE_NAMES_MAX 2000000u /* past it new numbers are not stored (one WARNING) */
#define HOBJ_NAME_MAX        64u      /* bytes */
#define HOBJ_NUMBER_MAX      (UINT32_MAX - 1)

struct hobj_table;

/* Makes the directory if it is missing. A last line without its end (crash, full disk) is dropped
 * with a WARNING and removed from the file. `log` may be NULL, is used from the table's thread too,
 * and must outlive the table. D2K_FILE: the directory or a file in it cannot be used, or another
 * kernel uses it; D2K_CONFIG: any other line is broken (file and line stand in the text): repair it
 * by hand, since guessed numbers would give values to wrong objects; D2K_LIMIT (names);
 * D2K_NO_MEMORY. */
d2k_result hobj_table_open(const char *state_dir, const struct log *log,
                           struct hobj_table **ret_table, struct error *err) D2K_MUST_CHECK;

/* Writes what waits (tries once more after a failure), ends the thread, gives up the lock. NULL is
 * allowed. */
void hobj_table_close(struct hobj_table *table);

/* 0: this name has no number yet. ASCII case is ignored. */
uint32_t hobj_table_find(const struct hobj_table *table, struct slice name);

/* The highest number that was given; 0: none yet. At most HOBJ_NUMBER_MAX, so one more is safe. */
uint32_t hobj_table_highest(const struct hobj_table *table);

/* Remembers a number and has it written. A name that is there already keeps its number; a name or a
 * number that could not be read back is ignored. When the
 * disk fails: one WARNING, and everything missing is written with the next addition or at the end.
 * When memory fails, or the table is full, the name is not stored, with a WARNING. */
void hobj_table_add(struct hobj_table *table, struct slice name, uint32_t hobj);

#endif
