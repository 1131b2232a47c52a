// What Swift cannot call of OpenSSL directly: function-like macros, cast macros and callbacks with C-only types.
#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <limits.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// --- Packet authentication and encryption -------------------------------------------------------------------------

/// Encrypts `length` bytes at `payload` in place and writes the 16-byte tag. 1 on success, 0 otherwise.
static inline int copenssl_aead_seal(EVP_CIPHER_CTX *ctx, const unsigned char *nonce, const unsigned char *aad,
                                     int aad_length, unsigned char *payload, int length, unsigned char *tag) {
    int written = 0;
    return EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, nonce) == 1
        && EVP_EncryptUpdate(ctx, NULL, &written, aad, aad_length) == 1
        && EVP_EncryptUpdate(ctx, payload, &written, payload, length) == 1
        && EVP_EncryptFinal_ex(ctx, payload + length, &written) == 1
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1;
}

/// Decrypts `length` bytes at `payload` in place and checks the 16-byte tag. 1 if authentic, 0 otherwise.
static inline int copenssl_aead_open(EVP_CIPHER_CTX *ctx, const unsigned char *nonce, const unsigned char *aad,
                                     int aad_length, unsigned char *payload, int length, unsigned char *tag) {
    int written = 0;
    return EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, nonce) == 1
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1
        && EVP_DecryptUpdate(ctx, NULL, &written, aad, aad_length) == 1
        && EVP_DecryptUpdate(ctx, payload, &written, payload, length) == 1
        && EVP_DecryptFinal_ex(ctx, payload + length, &written) == 1;
}

// --- Key derivation ------------------------------------------------------------------------------------------------

/// A MAC context for HMAC with the named digest, without a key yet. NULL on failure.
static inline EVP_MAC_CTX *copenssl_hmac_new(const char *digest) {
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (mac == NULL) { return NULL; }
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    if (ctx == NULL) { return NULL; }
    OSSL_PARAM parameters[2] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_MAC_CTX_set_params(ctx, parameters) != 1) {
        EVP_MAC_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

/// The TLS 1.0 PRF (MD5 and SHA-1) of RFC 2246 section 5 over secret and label||seed. 1 on success.
static inline int copenssl_tls1_prf(const unsigned char *secret, size_t secret_length, const unsigned char *seed,
                                    size_t seed_length, unsigned char *output, size_t output_length) {
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    if (kdf == NULL) { return 0; }
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    EVP_KDF_free(kdf);
    if (ctx == NULL) { return 0; }
    OSSL_PARAM parameters[4] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"MD5-SHA1", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)secret, secret_length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)seed, seed_length),
        OSSL_PARAM_construct_end(),
    };
    int done = EVP_KDF_derive(ctx, output, output_length, parameters);
    EVP_KDF_CTX_free(ctx);
    return done == 1;
}

// --- Errors ---------------------------------------------------------------------------------------------------------

/// The reason number of an entry of the error queue.
static inline int copenssl_error_reason(unsigned long code) {
    return ERR_GET_REASON(code);
}

// --- TLS -------------------------------------------------------------------------------------------------------------

static inline int copenssl_set_min_version(SSL_CTX *ctx, int version) {
    return (int)SSL_CTX_set_min_proto_version(ctx, version);
}

static inline int copenssl_set_max_version(SSL_CTX *ctx, int version) {
    return (int)SSL_CTX_set_max_proto_version(ctx, version);
}

static inline int copenssl_set_groups(SSL_CTX *ctx, const char *groups) {
    return (int)SSL_CTX_set1_groups_list(ctx, groups);
}

static inline void copenssl_set_session_cache_off(SSL_CTX *ctx) {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}

/// Idle connections give their buffers back; reads go on after records without data; the chain that is sent is the one
/// that was given, without the authorities that peers have anyway.
static inline void copenssl_set_modes(SSL_CTX *ctx) {
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY | SSL_MODE_NO_AUTO_CHAIN);
}

static inline void copenssl_set_max_certificate_bytes(SSL_CTX *ctx, long bytes) {
    SSL_CTX_set_max_cert_list(ctx, bytes);
}

/// Adds one certificate (reference counted up) to the chain that is sent after the leaf. 1 on success.
static inline int copenssl_add_chain_certificate(SSL_CTX *ctx, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(ctx, certificate);
}

/// No session tickets, no renegotiation, no compression, the server's cipher order.
static inline void copenssl_set_strict_options(SSL_CTX *ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                                 | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_SINGLE_ECDH_USE
                                 | SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1);
}

/// Bytes waiting in a memory BIO.
static inline size_t copenssl_bio_pending(BIO *bio) {
    return BIO_ctrl_pending(bio);
}

/// A memory BIO that says "try again" rather than "end of file" when it is empty. NULL on failure.
static inline BIO *copenssl_bio_memory(void) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio != NULL) { BIO_set_mem_eof_return(bio, -1); }
    return bio;
}

/// Password callback that refuses: keys come unencrypted, and no terminal may ever be asked.
static inline int copenssl_no_password(char *buffer, int size, int writing, void *context) {
    (void)buffer; (void)size; (void)writing; (void)context;
    return -1;
}

/// The private key of a PEM block; NULL when there is none or it is encrypted.
static inline EVP_PKEY *copenssl_read_private_key_pem(BIO *bio) {
    return PEM_read_bio_PrivateKey(bio, NULL, copenssl_no_password, NULL);
}

/// The next certificate of a PEM text; NULL when there is none.
static inline X509 *copenssl_read_certificate_pem(BIO *bio) {
    return PEM_read_bio_X509(bio, NULL, copenssl_no_password, NULL);
}

#endif
