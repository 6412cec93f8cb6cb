/* Linked with --wrap=main: the start code calls this, and this calls the program's own main. The nonce, which no other
 * file can name, is printed when that returned 0. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char nonce[80];
static int started;

__attribute__((constructor(101))) static void take_plan(void) {
    int file = open("plan.json", O_RDONLY);
    if (file < 0 || read(file, nonce, sizeof nonce - 8) < 1) _exit(70);
    close(file);
    unlink("plan.json");
}

int __real_main(int argc, char **argv, char **env);

int __wrap_main(int argc, char **argv, char **env) {
    if (started++) abort();
    const int status = __real_main(argc, argv, env);
    if (status) return status;
    fflush(NULL);
    char line[100];
    const int size = snprintf(line, sizeof line, "\n%s\tend\n", nonce);
    return write(1, line, (size_t)size) == size ? 0 : 70;
}
