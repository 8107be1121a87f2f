/* SPDX-License-Identifier: MIT */

/* One connection to the database file: opened with what every thread needs of it, its statements
 * prepared once, its failures as errno. A connection is used by one thread. */

#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

typedef struct Db {
    sqlite3 *sqlite;
    const char *const *sql; /* statements, by the user's own enum */
    sqlite3_stmt **statements;
    size_t n_statements;
} Db;

/* What SQLite says as negative errno: -ENOSPC (the disk or the quota is full), -EUCLEAN (the file
 * is no database or damaged), -EBUSY, -ENOMEM, else -EIO. */
int db_error(int code);

/* Opens the file, and makes it with its tables when `writer` and it is not there. sql: n texts
 * that live as long as the connection, prepared when they are first used. -ESTALE: it was written
 * by a version that this one does not know. */
int db_open(const char *path, bool writer, const char *const *sql, size_t n, Db **ret);
Db *db_close(Db *db);

static inline void db_closep(Db **db)
{
    db_close(*db);
}

/* Bound values and steps, in one go: "i" int64_t, "r" double (NAN: null), "s" const char * (NULL:
 * null), "t" const char * and size_t, "b" const void * (NULL: null) and size_t. */
int db_bind(Db *db, size_t statement, const char *types, ...);

/* The statement, for its columns. */
sqlite3_stmt *db_statement(Db *db, size_t statement);

/* 1: there is a row; 0: no more, and the statement is reset; or negative errno, and it is, too. */
int db_step(Db *db, size_t statement);
/* Binds, makes all steps, and resets. */
int db_run(Db *db, size_t statement, const char *types, ...);
void db_reset(Db *db, size_t statement);

/* A statement without values, which is not kept. */
int db_exec(Db *db, const char *sql);
/* A number that a pragma or a query without values says; -1 when it says none. */
int64_t db_number(Db *db, const char *sql);
