/* bytes.c -- reads a file's content in pieces, through zlib if the file is gzip. */
#include "data/bytes.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct sd_bytes {
    const char *name;
    const uint8_t *data; /* plain: what is left */
    size_t left, total;
    bool packed, ended; /* ended: gzip data is complete and its checksum was right */
    uint64_t position;  /* bytes given so far */
    z_stream z;
};

/* zlib counts input in unsigned int: larger files are handed over in pieces. */
static void feed(sd_bytes *b)
{
    size_t n = SD_MIN(b->left, (size_t)1 << 30);
    if (b->z.avail_in)
        return;
    b->z.next_in = (Bytef *)b->data;
    b->z.avail_in = (uInt)n;
    b->data += n;
    b->left -= n;
}

sd_status sd__bytes_open(const char *name, const void *data, size_t bytes, sd_bytes **stream)
{
    const uint8_t *p = data;
    sd_bytes *b = *stream = sd__alloc_zeroed(1, sizeof(*b));
    if (!b)
        return sd__fail(SD_ENOMEM, "%s: out of memory", name);
    b->name = name;
    b->data = p;
    b->left = b->total = bytes;
    b->packed = bytes >= 2 && p[0] == 0x1f && p[1] == 0x8b;
    if (!b->packed || inflateInit2(&b->z, 15 + 16) == Z_OK) /* 15: the largest window; 16: a gzip header */
        return SD_OK;
    free(b);
    *stream = NULL;
    return sd__fail(SD_ENOMEM, "%s: out of memory for unpacking", name);
}

void sd__bytes_close(sd_bytes *stream)
{
    if (stream && stream->packed)
        inflateEnd(&stream->z);
    free(stream);
}

/* Deflate packs at most 1032 to 1: 258 bytes of output from 2 bits of input. */
uint64_t sd__bytes_most(const sd_bytes *stream) { return stream->packed ? (uint64_t)stream->total * 1032 : stream->total; }

static sd_status truncated(const sd_bytes *b)
{
    return sd__fail(SD_EFORMAT, "%s: truncated: %sends after %llu bytes%s", b->name,
                    b->packed ? "the unpacked content " : "it ", (unsigned long long)b->position,
                    b->packed ? "; fetch or copy the file again" : "");
}

/* Unpacks up to n bytes; *got is less only at the end of the gzip data. */
static sd_status unpack(sd_bytes *b, void *out, size_t n, size_t *got)
{
    *got = 0;
    while (*got < n && !b->ended) {
        feed(b);
        uInt piece = (uInt)SD_MIN(n - *got, (size_t)1 << 30);
        b->z.next_out = (Bytef *)out + *got;
        b->z.avail_out = piece;
        int code = inflate(&b->z, Z_NO_FLUSH);
        *got += piece - b->z.avail_out;
        b->position += piece - b->z.avail_out;
        b->ended = code == Z_STREAM_END;
        if (code == Z_MEM_ERROR)
            return sd__fail(SD_ENOMEM, "%s: out of memory for unpacking", b->name);
        if (code == Z_BUF_ERROR) /* no input is left */
            return truncated(b);
        if (code != Z_OK && code != Z_STREAM_END)
            return sd__fail(SD_EFORMAT, "%s: damaged gzip data (%s)", b->name, b->z.msg ? b->z.msg : "wrong checksum");
    }
    return SD_OK;
}

sd_status sd__bytes_read(sd_bytes *stream, void *out, size_t n)
{
    size_t got = SD_MIN(n, stream->left);
    if (stream->packed) {
        SD_TRY(unpack(stream, out, n, &got));
    } else {
        memcpy(out, stream->data, got);
        stream->data += got;
        stream->left -= got;
        stream->position += got;
    }
    return got < n ? truncated(stream) : SD_OK;
}

sd_status sd__bytes_end(sd_bytes *stream)
{
    uint8_t more;
    size_t got = 0;
    if (stream->packed)
        SD_TRY(unpack(stream, &more, 1, &got));
    if (got || stream->left || (stream->packed && stream->z.avail_in))
        return sd__fail(SD_EFORMAT, "%s: too long: more follows after the %llu bytes that its header announces", stream->name,
                        (unsigned long long)(stream->position - got));
    return SD_OK;
}
