/* test_data_no_xz.c -- a sonde without liblzma: xz data is refused with a way out. Linked with a bytes.c that was built so. */
#include "data_files.h"

static void xz_data_is_refused_with_a_way_out(void **state)
{
    (void)state;
    const uint8_t header[12] = {0xfd, '7', 'z', 'X', 'Z', 0, 0, 4, 0xe6, 0xd6, 0xb4, 0x46};
    sd_dataset *set;
    const char *path = data_put("some.bin.xz", header, sizeof(header));
    REFUSED(sd_dataset_from_cifar(1, &path, &set), SD_EFORMAT, "/some.bin.xz", "built without liblzma", "xz -d");
    REFUSED(sd_dataset_from_idx(path, NULL, 0, &set), SD_EFORMAT, "built without liblzma");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(xz_data_is_refused_with_a_way_out)};
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
