/*
 * crc32c.c -- CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected 0x82F63B78), four bits or eight bytes a turn.
 *
 * Short data goes through a table of 16. Long data (checkpoints) pays for tables of its own, on the stack: table k says what
 * a byte does to the register after k further zero bytes; the effects of eight bytes are independent, so they are looked up
 * side by side and combined by exclusive or.
 */
#include "format/crc32c.h"

#include <endian.h>
#include <string.h>

#define LONG 65536 /* bytes from which building 2,048 entries is cheap */

/* Four steps c -> (c >> 1) ^ (c & 1 ? 0x82f63b78 : 0) of every 4-bit value. */
static const uint32_t nibble[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static uint32_t next_byte(uint32_t c, uint8_t byte)
{
    c ^= byte;
    c = (c >> 4) ^ nibble[c & 15];
    return (c >> 4) ^ nibble[c & 15];
}

static void make_tables(uint32_t table[8][256])
{
    for (uint32_t i = 0; i < 256; i++)
        table[0][i] = next_byte(i, 0);
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++)
            table[k][i] = (table[k - 1][i] >> 8) ^ table[0][table[k - 1][i] & 255];
}

static uint32_t by_eights(uint32_t c, const uint8_t *byte, size_t eights)
{
    uint32_t table[8][256];
    make_tables(table);
    for (size_t i = 0; i < eights; i++) {
        uint64_t word;
        memcpy(&word, byte + 8 * i, 8);
        word = le64toh(word) ^ c;
        c = 0;
        for (int k = 0; k < 8; k++)
            c ^= table[7 - k][word >> (8 * k) & 255];
    }
    return c;
}

uint32_t sd__crc32c(uint32_t crc, const void *data, size_t bytes)
{
    const uint8_t *byte = data;
    uint32_t c = ~crc;
    if (bytes >= LONG) {
        c = by_eights(c, byte, bytes / 8);
        byte += bytes / 8 * 8;
        bytes %= 8;
    }
    for (size_t i = 0; i < bytes; i++)
        c = next_byte(c, byte[i]);
    return ~c;
}

uint32_t sd__crc32c_mask(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }
