/// The blocks of SHA-256 (FIPS 180-4, 6.2.2), of one message or of two at once. The processor's instructions for it wait for each other: between those of one
/// message there is time for those of another, so two take hardly longer than one. libcrypto has this for TLS records only.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Whether this processor has the instructions (SHA extensions of x86-64). Without them nothing else here may be called.
bool csha256_is_available(void);

/// Takes `count` blocks of 64 bytes into a message's state, eight words.
void csha256_blocks(uint32_t state[8], const uint8_t *blocks, size_t count);

/// The same of two messages.
void csha256_blocks_of_two(uint32_t first[8], const uint8_t *first_blocks, uint32_t second[8], const uint8_t *second_blocks, size_t count);
