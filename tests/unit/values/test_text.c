/* Base32 of invitations and sheets, and one spelling for texts that are typed again: what fits, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "values/base32.h"
#include "values/text.h"

static void base32_there_and_back(void **state)
{
    (void)state;
    uint8_t bytes[40], out[40];
    char code[WARD_BASE32_CHARS(40) + 1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 200);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        size_t got = 99;
        assert_int_equal(ward_base32_encode(code, bytes, len), WARD_BASE32_CHARS(len));
        assert_true(ward_base32_decode(out, len, &got, code));
        assert_int_equal(got, len);
        assert_memory_equal(out, bytes, len);
        if (len) /* one byte more than there is room for */
            assert_false(ward_base32_decode(out, len - 1, &got, code));
    }
}

static void base32_spellings(void **state)
{
    (void)state;
    uint8_t out[8];
    size_t len;
    static const char *const good[] = {"MFRGG", "mfrgg", "MF-RG G", "\tMFRGG\r\n"};
    static const char *const bad[] = {"MFRG1", "MFRG=", "MFRGGB", "MFRGH", "M", "MFR\xc3\xa2"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(ward_base32_decode(out, sizeof out, &len, good[i]));
        assert_int_equal(len, 3);
        assert_memory_equal(out, "abc", 3);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(ward_base32_decode(out, sizeof out, &len, bad[i]));
}

static bool composes(const char *text, const char *want)
{
    struct ward_nfc out;
    return ward_text_nfc(&out, (const uint8_t *)text, strlen(text)) && out.len == strlen(want) && memcmp(out.p, want, out.len) == 0;
}

static void one_spelling(void **state)
{
    (void)state;
    struct ward_nfc out;
    static uint8_t much[WARD_NFC_MAX];
    assert_true(composes("", ""));
    assert_true(composes("b\xe1\xba\xad"
                         "c",
                         "b\xe1\xba\xad"
                         "c")); /* bậc, as most systems send it */
    assert_true(composes("ba\xcc\xa3\xcc\x82"
                         "c",
                         "b\xe1\xba\xad"
                         "c")); /* each mark by itself */
    assert_true(composes("b\xe1\xba\xa1\xcc\x82"
                         "c",
                         "b\xe1\xba\xad"
                         "c"));                            /* one of them by itself */
    assert_true(composes("\xef\xac\x81", "\xef\xac\x81")); /* a ligature is a letter of its own */
    assert_false(ward_text_nfc(&out, (const uint8_t *)"a\xff", 2));
    memset(much, 'x', sizeof much);
    assert_true(ward_text_nfc(&out, much, sizeof much - 1));
    assert_int_equal(out.len, sizeof much - 1);
    assert_false(ward_text_nfc(&out, much, sizeof much));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base32_there_and_back),
        cmocka_unit_test(base32_spellings),
        cmocka_unit_test(one_spelling),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
