/* The cipher library alone: seals and opens blocks of 4 KiB for a time, and prints both rates in MB per
 * second of processor time.
 * cc -O2 library.c -lgcrypt; arguments: aes-256-gcm or sm4-gcm, seconds. */
#include <gcrypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK = 4096, TAG = 16, BLOCKS = 256, BATCH = 64 };
static unsigned char plain[BLOCKS][BLOCK], sealed[BLOCKS][BLOCK], tags[BLOCKS][TAG];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void check(gcry_error_t error) {
  if (error == 0) return;
  fprintf(stderr, "libgcrypt: %s\n", gcry_strerror(error));
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 3 || gcry_check_version("1.9.0") == NULL) return 1;
  gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
  int sm4 = strcmp(argv[1], "sm4-gcm") == 0;
  double seconds = atof(argv[2]);
  gcry_cipher_hd_t handle;
  unsigned char key[32] = {1}, nonce[12] = {0};
  check(gcry_cipher_open(&handle, sm4 ? GCRY_CIPHER_SM4 : GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_GCM, 0));
  check(gcry_cipher_setkey(handle, key, sm4 ? 16 : 32));
  double rates[2];
  for (int opening = 0; opening < 2; opening++) {
    long done = 0;
    double start = now(), end = start;
    /* Both see every block once before it counts. */
    for (long warm = BLOCKS; end - start < seconds || warm > 0;) {
      for (int i = 0; i < BATCH; i++) {
        long at = done++ % BLOCKS;
        memcpy(nonce, &at, sizeof at);
        check(gcry_cipher_setiv(handle, nonce, sizeof nonce));
        if (opening) {
          check(gcry_cipher_decrypt(handle, plain[at], BLOCK, sealed[at], BLOCK));
          check(gcry_cipher_checktag(handle, tags[at], TAG));
        } else {
          check(gcry_cipher_encrypt(handle, sealed[at], BLOCK, plain[at], BLOCK));
          check(gcry_cipher_gettag(handle, tags[at], TAG));
        }
      }
      if (warm > 0 && (warm -= BATCH) <= 0) {
        done = 0;
        start = now();
      }
      end = now();
    }
    rates[opening] = done * (double)BLOCK / (end - start) / 1e6;
  }
  printf("{\"seal\": %f, \"open\": %f}\n", rates[0], rates[1]);
  return 0;
}
