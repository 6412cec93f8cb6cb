// Linked with --wrap=main: the start code calls __wrap_main, and this calls the program's own main. The nonce is printed
// when that returned 0. It is read before any constructor of the program runs and lies in two halves that look random
// each; no other translation unit can name them. Nothing is included, so that this compiles at once.
extern "C" {
int open(const char*, int, ...);
long read(int, void*, unsigned long);
long write(int, const void*, unsigned long);
int close(int);
int unlink(const char*);
long getrandom(void*, unsigned long, unsigned);
[[noreturn]] void _exit(int);
int fflush(void*);
int __real_main(int argc, char** argv);
int __wrap_main(int argc, char** argv);
}
static const int size = 32;
static unsigned char mask[size], masked[size];
static void take(int, char**, char**) {
    const int file = open("plan.json", 0);
    if (getrandom(mask, size, 0) != size || read(file, masked, size) != size) _exit(1);
    for (int i = 0; i < size; ++i) masked[i] ^= mask[i];
    close(file);
    if (unlink("plan.json")) _exit(1);
}
__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char**, char**) = take;
static void report() {
    static const char end[] = "\tend\n";
    char line[1 + size + 5] = "\n";
    for (int i = 0; i < size; ++i) line[1 + i] = char(mask[i] ^ masked[i]);
    for (int i = 0; i < 5; ++i) line[1 + size + i] = end[i];
    fflush(nullptr);
    if (write(1, line, sizeof line) != long(sizeof line)) _exit(70);
}
int __wrap_main(int argc, char** argv) {
    const int status = __real_main(argc, argv);
    if (status == 0) report();
    return status;
}
