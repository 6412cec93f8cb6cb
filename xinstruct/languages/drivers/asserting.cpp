// Linked with --wrap=main: the start code calls this, and this calls the program's own main. The nonce is printed when
// that returned 0.
#undef NDEBUG
extern "C" int __real_main(int argc, char** argv);
extern "C" int __wrap_main(int argc, char** argv) {
    const int status = __real_main(argc, argv);
    if (status == 0) xinstruct_driver::emit(xinstruct_driver::plan_text + "\tend");
    return status;
}
#include "program.cpp"
