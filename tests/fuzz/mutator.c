/* mutator.c - for targets whose input is CBOR: of three edits one is of bytes, two bend. */
#include "shape.h"

size_t LLVMFuzzerCustomMutator(uint8_t *p, size_t len, size_t len_max, unsigned seed)
{
    uint8_t bytes[24];
    uint64_t dice = seed;
    if (seed % 3 == 0)
        return LLVMFuzzerMutate(p, len, len_max);
    for (size_t i = 0; i < sizeof bytes; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (uint8_t)(dice >> 56);
    }
    struct fuzz_input choices = {bytes, sizeof bytes};
    return shape_bend(p, len, len_max, &choices);
}
