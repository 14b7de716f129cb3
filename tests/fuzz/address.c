/* Addresses: what is taken has the shape that the link is then given, and a port that fits; who may listen at it may be looser, never the
 * name of a host. */
#include "base/limits.h"
#include "fuzz.h"
#include "shell/link.h"

static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:[]%*";

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    char *text = fuzz_text(p, len);
    struct ward_error err = {0};
    bool connect = ward_address_check(text, false, &err) == WARD_OK;
    bool listen = ward_address_check(text, true, &err) == WARD_OK;
    if (connect || listen) {
        const char *port = strrchr(text, ':') + 1;
        unsigned long number = strtoul(port, NULL, 10);
        CHECK(strlen(text) <= WARD_ADDRESS_MAX && strncmp(text, "tcp://", 6) == 0);
        CHECK(number <= 65535 && (!connect || number > 0) && (*port == '*' ? listen && !connect : true));
        CHECK(strspn(text + 6, letters) == strlen(text + 6));
    }
    free(text);
    return 0;
}
