/* Linked with --wrap=main: the start code calls this, and this calls the program's own main. The nonce is printed when
 * that returned 0. No other file can name it, and it lies in two halves that look random each. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { SIZE = 32 };
static unsigned char mask[SIZE], masked[SIZE];
static int started;

__attribute__((constructor(101))) static void take_plan(void) {
    int file = open("plan.json", O_RDONLY);
    if (getrandom(mask, SIZE, 0) != SIZE || read(file, masked, SIZE) != SIZE) _exit(70);
    for (int i = 0; i < SIZE; i++) masked[i] ^= mask[i];
    close(file);
    if (unlink("plan.json")) _exit(70);
}

int __real_main(int argc, char **argv, char **env);

int __wrap_main(int argc, char **argv, char **env) {
    if (started++) abort();
    const int status = __real_main(argc, argv, env);
    if (status) return status;
    fflush(NULL);
    char line[SIZE + 6] = "\n";
    for (int i = 0; i < SIZE; i++) line[i + 1] = (char)(mask[i] ^ masked[i]);
    memcpy(line + 1 + SIZE, "\tend\n", 5);
    return write(1, line, sizeof line) == sizeof line ? 0 : 70;
}
