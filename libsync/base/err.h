/* err.h - building up struct ward_error as it passes. The table of codes and texts is in err.c. */
#ifndef WARD_ERR_H
#define WARD_ERR_H

#include "wardsync.h"

#if defined(__GNUC__)
#define WARD_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define WARD_PRINTF(f, a)
#endif

/* Sets code and detail; returns code, so that `return ward_fail(err, WARD_ERR_GAP, ...)` reads well. err may be NULL. */
int ward_fail(struct ward_error *err, int code, const char *fmt, ...) WARD_PRINTF(3, 4);
/* Puts "where: " before the detail; returns err's code (or `code` if err is NULL). */
int ward_at(struct ward_error *err, int code, const char *fmt, ...) WARD_PRINTF(3, 4);

/* What reads one file at a time cannot know that a failure is never WARD_OK, and would follow paths that are none. */
#if defined(__clang_analyzer__) || defined(__cppcheck__)
#define ward_fail(err, code, ...) (ward_fail(err, code, __VA_ARGS__), (code))
#define ward_at(err, code, ...)   (ward_at(err, code, __VA_ARGS__), (code))
#endif

#endif
