/* init.h -- drawing a part of a slice: element e depends on (seed, slice, e) alone, so parts can be drawn side by side. */
#ifndef SD_NN_INIT_H
#define SD_NN_INIT_H

#include <sonde/nn.h>

/* SD_EINVAL if the initialiser's numbers make no distribution. */
sd_status sd__init_check(const sd_slice *slice);

/* True if any stretch can be drawn alone; an orthogonal slice is drawn as a whole, by sd_init_draw(). */
bool sd__init_elementwise(const sd_slice *slice);

/* The expected square of an element: the variance wherever the mean is 0. */
double sd__init_square(const sd_slice *slice);

/* Elements [begin,end) of an elementwise slice; `data` is the slice's element 0. begin is even. */
void sd__init_stretch(const sd_slice *slice, uint64_t seed, int64_t begin, int64_t end, void *data);

#endif
