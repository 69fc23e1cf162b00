#include "CSHA256.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

bool csha256_is_available(void) {
    unsigned int a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3)) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

// FIPS 180-4, 4.2.2
static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#define each_lane _Pragma("clang loop unroll(full)") for (int lane = 0; lane < lanes; lane++)

// Four rounds a step; `w` holds the last sixteen words of the schedule. Inlined with a constant number of lanes, and unrolled, so that all of it stays in
// registers: three lanes would no longer fit, and are slower than two.
__attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline void
blocks_of(const int lanes, uint32_t *const *states, const uint8_t *const *blocks, size_t count) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abef[2], cdgh[2], w[2][4];
    each_lane {
        // The instructions want the words as a, b, e, f and c, d, g, h.
        __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)states[lane]), 0xB1);
        __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(states[lane] + 4)), 0x1B);
        abef[lane] = _mm_alignr_epi8(abcd, efgh, 8);
        cdgh[lane] = _mm_blend_epi16(efgh, abcd, 0xF0);
    }
    for (size_t block = 0; block < count; block++) {
        __m128i before_abef[2], before_cdgh[2];
        each_lane {
            before_abef[lane] = abef[lane];
            before_cdgh[lane] = cdgh[lane];
            _Pragma("clang loop unroll(full)") for (int part = 0; part < 4; part++)
                w[lane][part] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(blocks[lane] + 64 * block + 16 * part)), big_endian);
        }
        _Pragma("clang loop unroll(full)") for (int step = 0; step < 16; step++) {
            each_lane {
                __m128i *last = w[lane];
                __m128i sum = _mm_add_epi32(last[step & 3], _mm_load_si128((const __m128i *)(constants + 4 * step)));
                cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sum);
                abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(sum, 0x0E));
                if (step < 12) {
                    __m128i next = _mm_sha256msg1_epu32(last[step & 3], last[(step + 1) & 3]);
                    next = _mm_add_epi32(next, _mm_alignr_epi8(last[(step + 3) & 3], last[(step + 2) & 3], 4));
                    last[step & 3] = _mm_sha256msg2_epu32(next, last[(step + 3) & 3]);
                }
            }
        }
        each_lane {
            abef[lane] = _mm_add_epi32(abef[lane], before_abef[lane]);
            cdgh[lane] = _mm_add_epi32(cdgh[lane], before_cdgh[lane]);
        }
    }
    each_lane {
        __m128i feba = _mm_shuffle_epi32(abef[lane], 0x1B);
        __m128i dchg = _mm_shuffle_epi32(cdgh[lane], 0xB1);
        _mm_storeu_si128((__m128i *)states[lane], _mm_blend_epi16(feba, dchg, 0xF0));
        _mm_storeu_si128((__m128i *)(states[lane] + 4), _mm_alignr_epi8(dchg, feba, 8));
    }
}

__attribute__((target("sha,sse4.1,ssse3"))) void csha256_blocks(uint32_t state[8], const uint8_t *blocks, size_t count) {
    uint32_t *states[2] = {state, state};
    const uint8_t *messages[2] = {blocks, blocks};
    blocks_of(1, states, messages, count);
}

__attribute__((target("sha,sse4.1,ssse3"))) void
csha256_blocks_of_two(uint32_t first[8], const uint8_t *first_blocks, uint32_t second[8], const uint8_t *second_blocks, size_t count) {
    uint32_t *states[2] = {first, second};
    const uint8_t *messages[2] = {first_blocks, second_blocks};
    blocks_of(2, states, messages, count);
}

#else

// No other processor was measured.
#include <stdlib.h>
bool csha256_is_available(void) { return false; }
void csha256_blocks(uint32_t state[8], const uint8_t *blocks, size_t count) { abort(); }
void csha256_blocks_of_two(uint32_t first[8], const uint8_t *first_blocks, uint32_t second[8], const uint8_t *second_blocks, size_t count) { abort(); }

#endif
