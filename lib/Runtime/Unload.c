/* Part of shared libraries that dlc writes only: what a compiler's own start files do elsewhere.
 * When such a library is unloaded, what its copy of C++'s library registered for the process's end
 * is done now, while the code for it is still there. */
extern void *__dso_handle __attribute__((visibility("hidden")));
extern void __cxa_finalize(void *library);

__attribute__((destructor)) static void unload(void) { __cxa_finalize(&__dso_handle); }
