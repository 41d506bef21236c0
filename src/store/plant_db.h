/* store/plant_db.h: plant.db, the SQLite database of what the kernel owns: its layout, and one
 * function for each thing that is read or changed. Used by plant_store.c only.
 *
 * The database is in WAL mode and synced at each commit (synchronous=FULL): what was committed
 * survives the end of the process and of the power.
 *
 * Threads: one thread at a time. */
#ifndef D2K_STORE_PLANT_DB_H
#define D2K_STORE_PLANT_DB_H

#include <d2k/result.h>

#include "base/cursor.h"
#include "base/error.h"
#include "store/plant_store.h"

#define PLANT_DB_FILE   "plant.db"
#define PLANT_DB_LAYOUT 1 /* user_version; a database with a higher one is refused */

/* How long a change waits for somebody else who writes (a person with sqlite3) before it fails. */
#define PLANT_DB_BUSY_MS 2000

struct plant_db;

/* Opens, or makes, <state_dir>/plant.db, and checks that it is whole. D2K_CONFIG: it is damaged, is
 * no database of d2k, was written by a newer version, or its parts do not belong together;
 * D2K_FILE: it cannot be made, read or written; D2K_NO_MEMORY. The sentence names the file and says
 * what to do. */
d2k_result plant_db_open(const char *state_dir, struct plant_db **ret_db,
                         struct error *err) D2K_MUST_CHECK;
/* NULL is allowed. */
void plant_db_close(struct plant_db *db);
/* Of the file; belongs to the database. */
const char *plant_db_path(const struct plant_db *db);

/* Shows all objects in the order in which they were stored first; ends with the first failure of
 * `take`. D2K_CONFIG, D2K_FILE. */
d2k_result plant_db_load(struct plant_db *db, plant_store_take_object *take, void *context,
                         struct error *err) D2K_MUST_CHECK;

/* ---- changes: begin, as many as there are, commit (or roll back after a failure) ---- */

/* Each: D2K_FILE with the reason (disk full, read-only, damaged...): then roll back. */
d2k_result plant_db_begin(struct plant_db *db, struct error *err) D2K_MUST_CHECK;
d2k_result plant_db_commit(struct plant_db *db, struct error *err) D2K_MUST_CHECK;
void plant_db_rollback(struct plant_db *db);

/* Stores a definition, or replaces the one of that name. Its value goes when type or kind change,
 * and is replaced if object->value is not empty. */
d2k_result plant_db_put_object(struct plant_db *db, const struct stored_object *object,
                               struct error *err) D2K_MUST_CHECK;
/* D2K_NOT_FOUND too: no such object is stored; the transaction may go on. */
d2k_result plant_db_put_value(struct plant_db *db, struct slice name, struct slice value,
                              struct error *err) D2K_MUST_CHECK;
d2k_result plant_db_delete(struct plant_db *db, struct slice name,
                           struct error *err) D2K_MUST_CHECK;

#endif
