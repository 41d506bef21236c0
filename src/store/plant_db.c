/* store/plant_db.c: the one file that speaks SQLite.
 *
 * A new database is made aside, complete, and renamed: so a plant.db that is empty or has no tables
 * was damaged by somebody, and is refused instead of being taken for a plant without objects. */
#include "store/plant_db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/file.h"

#define APPLICATION_ID 0x64326b31 /* "d2k1" */
#define FILE_MODE      0640u

#define TEXT_OF(number)  #number
#define TEXT_OF_(number) TEXT_OF(number)

/* `id` is the database's own; the number of an object is a column like any other, since names are
 * what the plant finds objects by. */
static const char layout[] = "PRAGMA application_id = " TEXT_OF_(
    APPLICATION_ID) ";"
                    "PRAGMA journal_mode = WAL;"
                    "BEGIN;"
                    "CREATE TABLE object (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE "
                    "COLLATE NOCASE,"
                    " hobj INTEGER NOT NULL, type INTEGER NOT NULL, kind INTEGER NOT NULL,"
                    " description TEXT NOT NULL, unit TEXT NOT NULL, properties BLOB NOT NULL) "
                    "STRICT;"
                    "CREATE TABLE value (id INTEGER PRIMARY KEY REFERENCES object ON DELETE "
                    "CASCADE,"
                    " record BLOB NOT NULL) STRICT;"
                    "PRAGMA user_version = " TEXT_OF_(PLANT_DB_LAYOUT) ";"
                                                                       "COMMIT;";

/* Nothing that the database keeps aside may need a directory that is full. */
static const char settings[] = "PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA journal_size_limit = 16777216;";

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    FORGET_OTHER_VALUE,
    PUT_OBJECT,
    PUT_VALUE,
    DELETE_OBJECT,
    STATEMENTS,
};

static const char *const statements[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [FORGET_OTHER_VALUE] = "DELETE FROM value WHERE id = (SELECT id FROM object WHERE name = ?1"
                           " AND (type <> ?2 OR kind <> ?3))",
    [PUT_OBJECT] = "INSERT INTO object (name, hobj, type, kind, description, unit, properties)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (name) DO UPDATE SET"
                   " hobj = ?2, type = ?3, kind = ?4, description = ?5, unit = ?6, properties = ?7",
    [PUT_VALUE] = "INSERT INTO value (id, record) SELECT id, ?2 FROM object WHERE name = ?1"
                  " ON CONFLICT (id) DO UPDATE SET record = ?2",
    [DELETE_OBJECT] = "DELETE FROM object WHERE name = ?1",
};

struct plant_db {
    sqlite3 *sqlite;
    char *path;
    sqlite3_stmt *prepared[STATEMENTS];
};

const char *plant_db_path(const struct plant_db *db)
{
    return db->path;
}

/* ---- errors ---- */

/* "disk I/O error (File too large)" */
static d2k_result failed(struct plant_db *db, struct error *err)
{
    int code = sqlite3_errcode(db->sqlite) & 0xff;
    int system = sqlite3_system_errno(db->sqlite);
    const char *detail = code == SQLITE_IOERR && system != 0 ? os_error_text(system) : NULL;
    return error_set(err, code == SQLITE_NOMEM ? D2K_NO_MEMORY : D2K_FILE, "%s: %s%s%s%s", db->path,
                     sqlite3_errmsg(db->sqlite), detail != NULL ? " (" : "",
                     detail != NULL ? detail : "", detail != NULL ? ")" : "");
}

#define WHAT_TO_DO                                                                               \
    "restore a backup, or move it away together with its -wal and -shm to begin without stored " \
    "objects (docs/storage.md)"

static d2k_result damaged(const struct plant_db *db, const char *how, struct error *err)
{
    return error_set(err, D2K_CONFIG, "%s: the database is damaged: %s; " WHAT_TO_DO, db->path,
                     how);
}

/* While it is opened and read: what cannot be read is damaged, unless it is the disk or its rights.
 */
static d2k_result unreadable(struct plant_db *db, struct error *err)
{
    switch (sqlite3_errcode(db->sqlite) & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* a table or a column is missing */
        return damaged(db, sqlite3_errmsg(db->sqlite), err);
    default:
        return failed(db, err);
    }
}

/* ---- opening ---- */

static d2k_result run(struct plant_db *db, const char *sql, struct error *err)
{
    return sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK ? D2K_OK
                                                                        : unreadable(db, err);
}

static d2k_result connect(struct plant_db *db, const char *path, struct error *err)
{
    int code =
        sqlite3_open_v2(path, &db->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (db->sqlite == NULL) {
        return error_no_memory(err);
    }
    if (code != SQLITE_OK) {
        return failed(db, err);
    }
    (void)sqlite3_extended_result_codes(db->sqlite, 1);
    (void)sqlite3_busy_timeout(db->sqlite, PLANT_DB_BUSY_MS);
    return D2K_OK;
}

/* The first column of the first row. */
static d2k_result ask(struct plant_db *db, const char *sql, char *ret_text, size_t size,
                      struct error *err)
{
    sqlite3_stmt *statement = NULL;
    d2k_result result = D2K_OK;
    ret_text[0] = '\0';
    if (sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        result = unreadable(db, err);
    } else {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        (void)text_copy(ret_text, size, text != NULL ? text : "");
    }
    (void)sqlite3_finalize(statement);
    return result;
}

static d2k_result ask_number(struct plant_db *db, const char *sql, long long *ret_number,
                             struct error *err)
{
    char text[32];
    d2k_result result = ask(db, sql, text, sizeof text, err);
    *ret_number = strtoll(text, NULL, 10);
    return result;
}

static d2k_result check_layout(struct plant_db *db, struct error *err)
{
    long long application = 0, version = 0;
    d2k_result result = ask_number(db, "PRAGMA application_id", &application, err);
    result = result != D2K_OK ? result : ask_number(db, "PRAGMA user_version", &version, err);
    if (result != D2K_OK) {
        return result;
    }
    if (application != APPLICATION_ID || version < 1) {
        return error_set(err, D2K_CONFIG, "%s: it is no database of d2k; " WHAT_TO_DO, db->path);
    }
    if (version > PLANT_DB_LAYOUT) {
        return error_set(
            err, D2K_CONFIG,
            "%s: it was written by a newer version of d2k (layout %lld, this one knows "
            "up to %d); install that version again, or restore a backup from before",
            db->path, version, PLANT_DB_LAYOUT);
    }
    return D2K_OK;
}

static d2k_result check_content(struct plant_db *db, struct error *err)
{
    char verdict[256];
    d2k_result result = ask(db, "PRAGMA quick_check(1)", verdict, sizeof verdict, err);
    if (result == D2K_OK && strcmp(verdict, "ok") != 0) {
        result = damaged(db, verdict, err);
    }
    return result;
}

static d2k_result prepare(struct plant_db *db, struct error *err)
{
    for (unsigned i = 0; i < STATEMENTS; i++) {
        if (sqlite3_prepare_v3(db->sqlite, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &db->prepared[i], NULL) != SQLITE_OK) {
            return unreadable(db, err);
        }
    }
    return D2K_OK;
}

/* ---- making a new one ---- */

static int rename_and_sync(const char *state_dir, const char *from, const char *to)
{
    int directory = -1;
    int error = os_file_rename(from, to);
    if (error != 0) {
        return error;
    }
    error = os_directory_open(state_dir, &directory);
    if (error != 0) {
        return error;
    }
    error = os_file_sync(directory);
    os_file_close(directory);
    return error == EINVAL ? 0 : error; /* EINVAL: this file system has no way to do it */
}

static d2k_result make_file(const char *path, struct error *err)
{
    int fd = -1;
    int error = os_file_remove(path);
    if (error == 0) {
        error = os_file_open_append(path, FILE_MODE, &fd);
    }
    if (error != 0) {
        return error_set(err, D2K_FILE, "%s: it cannot be made: %s", path, os_error_text(error));
    }
    os_file_close(fd);
    return D2K_OK;
}

static d2k_result lay_out(char *path, struct error *err)
{
    struct plant_db db = {.path = path};
    d2k_result result = connect(&db, path, err);
    result = result != D2K_OK ? result : run(&db, settings, err);
    result = result != D2K_OK ? result : run(&db, layout, err);
    if (sqlite3_close(db.sqlite) != SQLITE_OK && result == D2K_OK) {
        result = failed(&db, err);
    }
    return result;
}

/* A journal without its database is what remains when somebody took plant.db away: a new database
 * beside it would be given its pages. */
static d2k_result refuse_lonely_journal(const char *path, struct error *err)
{
    struct os_file_stamp stamp;
    char *journal = text_format("%s-wal", path);
    if (journal == NULL) {
        return error_no_memory(err);
    }
    int error = os_file_stamp(journal, &stamp);
    d2k_result result = D2K_OK;
    if (error == 0 && stamp.exists && stamp.size > 0) {
        result =
            error_set(err, D2K_CONFIG,
                      "%s is missing, but %s is there and holds changes to it; put it back, or "
                      "move that file away too",
                      path, journal);
    }
    free(journal);
    return result;
}

static d2k_result make_new(const char *state_dir, const char *path, struct error *err)
{
    d2k_result result = refuse_lonely_journal(path, err);
    if (result != D2K_OK) {
        return result;
    }
    char *aside = text_format("%s.new", path);
    if (aside == NULL) {
        return error_no_memory(err);
    }
    result = make_file(aside, err);
    result = result != D2K_OK ? result : lay_out(aside, err);
    if (result == D2K_OK) {
        int error = rename_and_sync(state_dir, aside, path);
        if (error != 0) {
            result =
                error_set(err, D2K_FILE, "%s: it cannot be made: %s", path, os_error_text(error));
        }
    }
    free(aside);
    return result;
}

static d2k_result open_existing(struct plant_db *db, struct error *err)
{
    d2k_result result = connect(db, db->path, err);
    if (result == D2K_OK && sqlite3_db_readonly(db->sqlite, "main") == 1) {
        return error_set(err, D2K_FILE,
                         "%s: it cannot be written: its rights or those of its "
                         "file system say read-only",
                         db->path);
    }
    result = result != D2K_OK ? result : check_layout(db, err);
    result = result != D2K_OK ? result : run(db, settings, err);
    result = result != D2K_OK ? result : run(db, "PRAGMA journal_mode = WAL", err);
    result = result != D2K_OK ? result : check_content(db, err);
    return result != D2K_OK ? result : prepare(db, err);
}

d2k_result plant_db_open(const char *state_dir, struct plant_db **ret_db, struct error *err)
{
    struct os_file_stamp stamp;
    struct plant_db *db = calloc(1, sizeof *db);
    if (db == NULL || (db->path = text_format("%s/" PLANT_DB_FILE, state_dir)) == NULL) {
        plant_db_close(db);
        return error_no_memory(err);
    }
    d2k_result result = D2K_OK;
    int error = os_file_stamp(db->path, &stamp);
    if (error != 0) {
        result = error_set(err, D2K_FILE, "%s: %s", db->path, os_error_text(error));
    } else if (!stamp.exists) {
        result = make_new(state_dir, db->path, err);
    } else if (stamp.size == 0) {
        result = damaged(db, "the file is empty", err);
    }
    result = result != D2K_OK ? result : open_existing(db, err);
    if (result != D2K_OK) {
        plant_db_close(db);
        return result;
    }
    *ret_db = db;
    return D2K_OK;
}

void plant_db_close(struct plant_db *db)
{
    if (db == NULL) {
        return;
    }
    for (unsigned i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(db->prepared[i]);
    }
    (void)sqlite3_close(db->sqlite);
    free(db->path);
    free(db);
}

/* ---- loading ---- */

static struct slice column(sqlite3_stmt *row, int index)
{
    const char *data = sqlite3_column_blob(row, index);
    return (struct slice){data != NULL ? data : "", (size_t)sqlite3_column_bytes(row, index)};
}

static bool number_column(sqlite3_stmt *row, int index, long long max, long long *ret)
{
    *ret = sqlite3_column_int64(row, index);
    return *ret >= 0 && *ret <= max;
}

static d2k_result show_row(struct plant_db *db, sqlite3_stmt *row, plant_store_take_object *take,
                           void *context, struct error *err)
{
    long long hobj, type, kind;
    if (!number_column(row, 1, UINT32_MAX, &hobj) || !number_column(row, 2, UINT8_MAX, &type) ||
        !number_column(row, 3, UINT8_MAX, &kind)) {
        return damaged(db, "a number of an object is out of its range", err);
    }
    struct stored_object object = {
        .name = column(row, 0),
        .hobj = (uint32_t)hobj,
        .type = (uint8_t)type,
        .kind = (uint8_t)kind,
        .description = column(row, 4),
        .unit = column(row, 5),
        .properties = column(row, 6),
        .value = column(row, 7),
    };
    return take(context, &object, err);
}

d2k_result plant_db_load(struct plant_db *db, plant_store_take_object *take, void *context,
                         struct error *err)
{
    sqlite3_stmt *rows = NULL;
    d2k_result result = D2K_OK;
    if (sqlite3_prepare_v2(db->sqlite,
                           "SELECT name, hobj, type, kind, description, unit, properties, record"
                           " FROM object LEFT JOIN value USING (id) ORDER BY id",
                           -1, &rows, NULL) != SQLITE_OK) {
        return unreadable(db, err);
    }
    int step = SQLITE_DONE;
    while (result == D2K_OK && (step = sqlite3_step(rows)) == SQLITE_ROW) {
        result = show_row(db, rows, take, context, err);
    }
    if (result == D2K_OK && step != SQLITE_DONE) {
        result = unreadable(db, err);
    }
    (void)sqlite3_finalize(rows);
    return result;
}

/* ---- changing ---- */

static d2k_result finish(struct plant_db *db, enum statement which, struct error *err)
{
    sqlite3_stmt *statement = db->prepared[which];
    d2k_result result = sqlite3_step(statement) == SQLITE_DONE ? D2K_OK : failed(db, err);
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return result;
}

/* The bytes stay where they are until the statement is finished. */
static void bind_text(sqlite3_stmt *statement, int index, struct slice text)
{
    (void)sqlite3_bind_text(statement, index, text.size > 0 ? text.data : "", (int)text.size,
                            SQLITE_STATIC);
}

static void bind_bytes(sqlite3_stmt *statement, int index, struct slice bytes)
{
    (void)sqlite3_bind_blob(statement, index, bytes.size > 0 ? bytes.data : "", (int)bytes.size,
                            SQLITE_STATIC);
}

d2k_result plant_db_begin(struct plant_db *db, struct error *err)
{
    return finish(db, BEGIN, err);
}

d2k_result plant_db_commit(struct plant_db *db, struct error *err)
{
    return finish(db, COMMIT, err);
}

void plant_db_rollback(struct plant_db *db)
{
    /* Some failures have rolled back already. */
    if (sqlite3_get_autocommit(db->sqlite) == 0 && finish(db, ROLLBACK, NULL) != D2K_OK) {
        return;
    }
}

d2k_result plant_db_put_object(struct plant_db *db, const struct stored_object *object,
                               struct error *err)
{
    sqlite3_stmt *forget = db->prepared[FORGET_OTHER_VALUE], *put = db->prepared[PUT_OBJECT];
    if (object->goes_last) {
        bind_text(db->prepared[DELETE_OBJECT], 1, object->name);
        d2k_result deleted = finish(db, DELETE_OBJECT, err);
        if (deleted != D2K_OK) {
            return deleted;
        }
    }
    bind_text(forget, 1, object->name);
    (void)sqlite3_bind_int(forget, 2, object->type);
    (void)sqlite3_bind_int(forget, 3, object->kind);
    d2k_result result = finish(db, FORGET_OTHER_VALUE, err);
    if (result != D2K_OK) {
        return result;
    }
    bind_text(put, 1, object->name);
    (void)sqlite3_bind_int64(put, 2, object->hobj);
    (void)sqlite3_bind_int(put, 3, object->type);
    (void)sqlite3_bind_int(put, 4, object->kind);
    bind_text(put, 5, object->description);
    bind_text(put, 6, object->unit);
    bind_bytes(put, 7, object->properties);
    result = finish(db, PUT_OBJECT, err);
    if (result == D2K_OK && object->value.size > 0) {
        result = plant_db_put_value(db, object->name, object->value, err);
    }
    return result;
}

static d2k_result changed_one(struct plant_db *db, struct slice name, struct error *err)
{
    return sqlite3_changes(db->sqlite) > 0
               ? D2K_OK
               : error_set(err, D2K_NOT_FOUND, "object %.*s is not stored", (int)name.size,
                           name.data);
}

d2k_result plant_db_put_value(struct plant_db *db, struct slice name, struct slice value,
                              struct error *err)
{
    bind_text(db->prepared[PUT_VALUE], 1, name);
    bind_bytes(db->prepared[PUT_VALUE], 2, value);
    d2k_result result = finish(db, PUT_VALUE, err);
    return result != D2K_OK ? result : changed_one(db, name, err);
}

d2k_result plant_db_delete(struct plant_db *db, struct slice name, struct error *err)
{
    bind_text(db->prepared[DELETE_OBJECT], 1, name);
    d2k_result result = finish(db, DELETE_OBJECT, err);
    return result != D2K_OK ? result : changed_one(db, name, err);
}
