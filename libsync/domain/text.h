/* text.h - checks of text from outside: UTF-8, codes, whole numbers. Pure. */
#ifndef WARD_DOMAIN_TEXT_H
#define WARD_DOMAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ward_error;

#define PLAN_CODE_MAX 64 /* bytes of a human code */

/* RFC 3629: shortest form, no surrogates, at most U+10FFFF, no NUL. */
bool plan_utf8_valid(const char *text, size_t len);
/* How much of a text an error message may repeat: whole, printable characters, at most 60 bytes. For "%.*s". */
int plan_excerpt(const char *text, size_t len);
/* Valid UTF-8 of at most len_max bytes without control characters; line breaks and tabs only where `lines`. WARD_ERR_UTF8, WARD_ERR_VALUE.
 */
int plan_text_check(const char *text, size_t len, size_t len_max, bool lines, struct ward_error *err);
/* 1 ... PLAN_CODE_MAX bytes of UTF-8, no blanks and none of , + = : " ' that FIELD=VALUE and lists need. WARD_ERR_VALUE, WARD_ERR_UTF8. */
int plan_code_check(const char *text, size_t len, struct ward_error *err);
/* Nothing but blanks. */
bool plan_text_blank(const char *text, size_t len);
/* Decimal digits with an optional sign, within low ... high. WARD_ERR_VALUE. */
int plan_int_parse(int64_t *out, const char *text, size_t len, int64_t low, int64_t high, struct ward_error *err);
/* Exactly n digits at text. -1 if they are not. */
int plan_digits(const char *text, size_t n);

#endif
