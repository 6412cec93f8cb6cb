// Linked with --wrap=main: the start code calls __wrap_main, and this calls the program's own main. The nonce is printed
// when that returned 0. It is read before any constructor of the program runs and lies in two halves that look
// random each, under a name made from the program's own text, which no text can contain.
#undef NDEBUG
#include <fcntl.h>
#include <sys/random.h>
extern "C" int __real_main(int argc, char** argv);
namespace xinstruct_SECRET {
static unsigned char mask[32], masked[32];
static void take(int, char**, char**) {
    const int file = ::open("plan.json", O_RDONLY);
    if (::getrandom(mask, sizeof mask, 0) != sizeof mask || ::read(file, masked, sizeof masked) != sizeof masked) ::_exit(1);
    for (unsigned i = 0; i < sizeof mask; ++i) masked[i] ^= mask[i];
    ::close(file);
    if (::unlink("plan.json")) ::_exit(1);
}
__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char**, char**) = take;
static void report() {
    std::cout.flush();
    std::fflush(stdout);
    char line[sizeof mask + 6] = "\n";
    for (unsigned i = 0; i < sizeof mask; ++i) line[i + 1] = char(mask[i] ^ masked[i]);
    std::memcpy(line + 1 + sizeof mask, "\tend\n", 5);
    if (::write(1, line, sizeof line) != sizeof line) ::_exit(70);
}
} // namespace xinstruct_SECRET
extern "C" int __wrap_main(int argc, char** argv) {
    const int status = __real_main(argc, argv);
    if (status == 0) xinstruct_SECRET::report();
    return status;
}
#include "program.cpp"
