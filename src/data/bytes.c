/* bytes.c -- reads a file's content in pieces, through zlib if the file is gzip, through liblzma if it is xz. */
#include "data/bytes.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef SD_WITH_XZ
#include <lzma.h>
#endif

/* What a format of packed files is to those who read them. */
typedef struct packing {
    const char *name;
    uint8_t magic[6]; /* the first bytes of a file */
    size_t n_magic;
    uint64_t ratio; /* from one byte come at most so many */
    sd_status (*begin)(sd_bytes *b);
    sd_status (*step)(sd_bytes *b, uint8_t *out, size_t n, size_t *got); /* takes some of what is left, gives up to n bytes */
    void (*end)(sd_bytes *b);
    bool (*announced)(const sd_bytes *b, uint64_t *bytes);
} packing;

struct sd_bytes {
    const char *name;
    const uint8_t *data; /* what is left of the file */
    size_t left, total;
    const packing *packing; /* NULL: plain */
    bool ended;             /* packed data is complete and its checksum was right */
    uint64_t position;      /* bytes given so far */
    z_stream z;
#ifdef SD_WITH_XZ
    lzma_stream x;
#endif
};

static void take(sd_bytes *b, size_t n)
{
    b->data += n;
    b->left -= n;
}

static sd_status truncated(const sd_bytes *b)
{
    return sd__fail(SD_EFORMAT, "%s: truncated: %sends after %llu bytes%s", b->name,
                    b->packing ? "the unpacked content " : "it ", (unsigned long long)b->position,
                    b->packing ? "; fetch or copy the file again" : "");
}

static sd_status damaged(const sd_bytes *b, const char *how)
{
    return sd__fail(SD_EFORMAT, "%s: damaged %s data (%s)", b->name, b->packing->name, how);
}

static sd_status no_memory(const sd_bytes *b) { return sd__fail(SD_ENOMEM, "%s: out of memory for unpacking", b->name); }

/* -- gzip -------------------------------------------------------------------------------------------------------------- */

#define ZLIB_PIECE ((size_t)1 << 30) /* zlib counts in unsigned int: more is handed over in pieces */

static sd_status gzip_begin(sd_bytes *b)
{
    return inflateInit2(&b->z, 15 + 16) == Z_OK ? SD_OK : no_memory(b); /* 15: the largest window; 16: a gzip header */
}

static sd_status gzip_step(sd_bytes *b, uint8_t *out, size_t n, size_t *got)
{
    size_t piece = SD_MIN(b->left, ZLIB_PIECE), room = SD_MIN(n, ZLIB_PIECE);
    b->z.next_in = (Bytef *)b->data;
    b->z.avail_in = (uInt)piece;
    b->z.next_out = out;
    b->z.avail_out = (uInt)room;
    int code = inflate(&b->z, Z_NO_FLUSH);
    take(b, piece - b->z.avail_in);
    *got = room - b->z.avail_out;
    b->ended = code == Z_STREAM_END;
    if (code == Z_MEM_ERROR)
        return no_memory(b);
    if (code == Z_BUF_ERROR) /* no input is left */
        return truncated(b);
    return code == Z_OK || b->ended ? SD_OK : damaged(b, b->z.msg ? b->z.msg : "wrong checksum");
}

static void gzip_end(sd_bytes *b) { inflateEnd(&b->z); }

/* The last four bytes are the length, modulo 2^32; 18: a file without content. */
static bool gzip_announced(const sd_bytes *b, uint64_t *bytes)
{
    if (b->left < 18)
        return false;
    const uint8_t *p = b->data + b->left - 4;
    *bytes = (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
    return true;
}

/* -- xz ---------------------------------------------------------------------------------------------------------------- */

#ifdef SD_WITH_XZ

#define XZ_MEMORY ((uint64_t)256 << 20) /* for unpacking: four times what xz -9 asks for */

static sd_status xz_begin(sd_bytes *b)
{
    b->x = (lzma_stream)LZMA_STREAM_INIT;
    return lzma_stream_decoder(&b->x, XZ_MEMORY, 0) == LZMA_OK ? SD_OK : no_memory(b);
}

static sd_status xz_step(sd_bytes *b, uint8_t *out, size_t n, size_t *got)
{
    b->x.next_in = b->data;
    b->x.avail_in = b->left;
    b->x.next_out = out;
    b->x.avail_out = n;
    lzma_ret code = lzma_code(&b->x, LZMA_RUN);
    take(b, b->left - b->x.avail_in);
    *got = n - b->x.avail_out;
    b->ended = code == LZMA_STREAM_END;
    if (code == LZMA_MEM_ERROR)
        return no_memory(b);
    if (code == LZMA_MEMLIMIT_ERROR)
        return sd__fail(SD_EFORMAT,
                        "%s: packed so that unpacking takes more than %llu MiB of memory; pack it with xz -9 or less", b->name,
                        (unsigned long long)(XZ_MEMORY >> 20));
    if (code == LZMA_BUF_ERROR) /* no input is left */
        return truncated(b);
    return code == LZMA_OK || b->ended
               ? SD_OK
               : damaged(b, code == LZMA_OPTIONS_ERROR ? "options that liblzma does not know" : "wrong content or checksum");
}

static void xz_end(sd_bytes *b) { lzma_end(&b->x); }

/* The index before the last 12 bytes, which say how long it is, lists the blocks with their lengths. */
static bool xz_announced(const sd_bytes *b, uint64_t *bytes)
{
    lzma_stream_flags flags;
    lzma_index *index;
    uint64_t memory = XZ_MEMORY;
    size_t at = 0;
    if (b->left < 2 * LZMA_STREAM_HEADER_SIZE)
        return false;
    const uint8_t *footer = b->data + b->left - LZMA_STREAM_HEADER_SIZE;
    if (lzma_stream_footer_decode(&flags, footer) != LZMA_OK || flags.backward_size > b->left - 2 * LZMA_STREAM_HEADER_SIZE ||
        lzma_index_buffer_decode(&index, &memory, NULL, footer - flags.backward_size, &at, (size_t)flags.backward_size) !=
            LZMA_OK)
        return false;
    *bytes = lzma_index_uncompressed_size(index);
    lzma_index_end(index, NULL);
    return true;
}

#else

static sd_status xz_begin(sd_bytes *b)
{
    return sd__fail(SD_EFORMAT, "%s: xz data, and this sonde was built without liblzma, which unpacks it; `xz -d` does, too",
                    b->name);
}

#endif

/* -- either ------------------------------------------------------------------------------------------------------------ */

static const packing packings[] = {
    {.name = "gzip",
     .magic = {0x1f, 0x8b},
     .n_magic = 2,
     .ratio = 1032, /* 258 bytes of output from 2 bits of input */
     .begin = gzip_begin,
     .step = gzip_step,
     .end = gzip_end,
     .announced = gzip_announced},
    {.name = "xz",
     .magic = {0xfd, '7', 'z', 'X', 'Z', 0},
     .n_magic = 6,
     .ratio = 7100, /* 273 bytes from 14 coded bits, each of which costs at least log2(2048/2017) bits of input */
     .begin = xz_begin,
#ifdef SD_WITH_XZ
     .step = xz_step,
     .end = xz_end,
     .announced = xz_announced
#endif
    },
};

static const packing *find_packing(const void *data, size_t bytes)
{
    for (size_t i = 0; i < SD_COUNT(packings); i++)
        if (bytes >= packings[i].n_magic && !memcmp(data, packings[i].magic, packings[i].n_magic))
            return &packings[i];
    return NULL;
}

sd_status sd__bytes_open(const char *name, const void *data, size_t bytes, sd_bytes **stream)
{
    sd_bytes *b = *stream = sd__alloc_zeroed(1, sizeof(*b));
    if (!b)
        return sd__fail(SD_ENOMEM, "%s: out of memory", name);
    b->name = name;
    b->data = data;
    b->left = b->total = bytes;
    b->packing = find_packing(data, bytes);
    sd_status status = b->packing ? b->packing->begin(b) : SD_OK;
    if (status == SD_OK)
        return SD_OK;
    free(b);
    *stream = NULL;
    return status;
}

void sd__bytes_close(sd_bytes *stream)
{
    if (stream && stream->packing)
        stream->packing->end(stream);
    free(stream);
}

uint64_t sd__bytes_most(const sd_bytes *stream) { return stream->total * (stream->packing ? stream->packing->ratio : 1); }

sd_status sd__bytes_announced(const sd_bytes *stream, uint64_t *bytes)
{
    *bytes = stream->total;
    if (stream->packing && !stream->packing->announced(stream, bytes))
        return sd__fail(SD_EFORMAT, "%s: truncated: it does not end as %s data does; fetch or copy the file again",
                        stream->name, stream->packing->name);
    if (*bytes > sd__bytes_most(stream))
        return sd__fail(SD_EFORMAT, "%s: truncated or damaged: it announces %llu bytes, more than the file can hold",
                        stream->name, (unsigned long long)*bytes);
    return SD_OK;
}

/* Unpacks up to n bytes; *got is less only at the end of the packed data. */
static sd_status unpack(sd_bytes *b, void *out, size_t n, size_t *got)
{
    *got = 0;
    while (*got < n && !b->ended) {
        size_t more = 0;
        sd_status status = b->packing->step(b, (uint8_t *)out + *got, n - *got, &more);
        *got += more;
        b->position += more;
        SD_TRY(status);
    }
    return SD_OK;
}

sd_status sd__bytes_read(sd_bytes *stream, void *out, size_t n)
{
    size_t got = SD_MIN(n, stream->left);
    if (stream->packing) {
        SD_TRY(unpack(stream, out, n, &got));
    } else {
        memcpy(out, stream->data, got);
        take(stream, got);
        stream->position += got;
    }
    return got < n ? truncated(stream) : SD_OK;
}

sd_status sd__bytes_end(sd_bytes *stream)
{
    uint8_t more;
    size_t got = 0;
    if (stream->packing)
        SD_TRY(unpack(stream, &more, 1, &got));
    if (got || stream->left)
        return sd__fail(SD_EFORMAT, "%s: too long: more follows after the %llu bytes that it announces", stream->name,
                        (unsigned long long)(stream->position - got));
    return SD_OK;
}
