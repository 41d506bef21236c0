/* tls/bio.c: the BIO_METHOD over two buffers. */
#include "tls/bio.h"

#include <string.h>

static int bio_read(BIO *bio, char *data, size_t size, size_t *ret_size)
{
    struct tls_bio_ends *ends = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *ret_size = 0;
    if (ends->stopped) {
        return 0;
    }
    size_t available = buffer_size(ends->in);
    if (available == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    size_t count = size < available ? size : available;
    memcpy(data, buffer_data(ends->in), count);
    buffer_consume(ends->in, count);
    *ret_size = count;
    return 1;
}

static int bio_write(BIO *bio, const char *data, size_t size, size_t *ret_size)
{
    struct tls_bio_ends *ends = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *ret_size = 0;
    buffer_put(ends->out, data, size);
    if (buffer_failed(ends->out)) {
        return 0;
    }
    *ret_size = size;
    return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH: /* everything written is in the buffer already */
    case BIO_CTRL_DUP:
        return 1;
    default:
        return 0;
    }
}

BIO_METHOD *tls_bio_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "d2k buffers");
    if (method == NULL) {
        return NULL;
    }
    if (BIO_meth_set_read_ex(method, bio_read) != 1 ||
        BIO_meth_set_write_ex(method, bio_write) != 1 || BIO_meth_set_ctrl(method, bio_ctrl) != 1) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

BIO *tls_bio_new(const BIO_METHOD *method, struct tls_bio_ends *ends)
{
    BIO *bio = BIO_new(method);
    if (bio == NULL) {
        return NULL;
    }
    BIO_set_data(bio, ends);
    BIO_set_init(bio, 1);
    return bio;
}
