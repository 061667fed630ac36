// Clang's thread-safety attributes, under the names of its documentation. Empty under other compilers.
#pragma once

#if defined(__clang__)
#define HVO_THREAD_SAFETY(x) __attribute__((x))
#else
#define HVO_THREAD_SAFETY(x)
#endif

#define HVO_CAPABILITY(name) HVO_THREAD_SAFETY(capability(name))
#define HVO_SCOPED_CAPABILITY HVO_THREAD_SAFETY(scoped_lockable)
#define HVO_GUARDED_BY(lock) HVO_THREAD_SAFETY(guarded_by(lock))
#define HVO_ACQUIRE(...) HVO_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define HVO_ACQUIRE_SHARED(...) HVO_THREAD_SAFETY(acquire_shared_capability(__VA_ARGS__))
#define HVO_RELEASE(...) HVO_THREAD_SAFETY(release_capability(__VA_ARGS__))
#define HVO_RELEASE_SHARED(...) HVO_THREAD_SAFETY(release_shared_capability(__VA_ARGS__))
#define HVO_RELEASE_GENERIC(...) HVO_THREAD_SAFETY(release_generic_capability(__VA_ARGS__))
#define HVO_TRY_ACQUIRE(...) HVO_THREAD_SAFETY(try_acquire_capability(__VA_ARGS__))
#define HVO_REQUIRES(...) HVO_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define HVO_REQUIRES_SHARED(...) HVO_THREAD_SAFETY(requires_shared_capability(__VA_ARGS__))
#define HVO_EXCLUDES(...) HVO_THREAD_SAFETY(locks_excluded(__VA_ARGS__))
/// For the few bodies whose locking depends on run-time data; each says why.
#define HVO_NO_THREAD_SAFETY_ANALYSIS HVO_THREAD_SAFETY(no_thread_safety_analysis)
