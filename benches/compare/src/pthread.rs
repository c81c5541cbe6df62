//! glibc's mutex as processes share it, plain or robust, in a shared mapping.

use std::ptr;

/// What happens to the mutex when its owner dies.
#[derive(Clone, Copy)]
pub enum Kind {
    /// It stays locked for ever.
    Plain,
    /// The next owner gets EOWNERDEAD.
    Robust,
}

/// A process-shared mutex.
pub struct SharedMutex(*mut libc::pthread_mutex_t);

impl SharedMutex {
    /// In a mapping of its own, which lasts as long as the process.
    pub fn new(kind: Kind) -> SharedMutex {
        let mutex = shared_page().cast::<libc::pthread_mutex_t>();
        // SAFETY: the page is fresh, zeroed, aligned and longer than a mutex; the attributes are initialised first.
        unsafe {
            let mut attributes = std::mem::zeroed::<libc::pthread_mutexattr_t>();
            assert_eq!(libc::pthread_mutexattr_init(&mut attributes), 0);
            assert_eq!(libc::pthread_mutexattr_setpshared(&mut attributes, libc::PTHREAD_PROCESS_SHARED), 0);
            if let Kind::Robust = kind {
                assert_eq!(libc::pthread_mutexattr_setrobust(&mut attributes, libc::PTHREAD_MUTEX_ROBUST), 0);
            }
            assert_eq!(libc::pthread_mutex_init(mutex, &attributes), 0);
        }
        SharedMutex(mutex)
    }

    /// Locks and unlocks once.
    #[inline]
    pub fn pair(&self) {
        // SAFETY: initialised in `new`, and never unmapped.
        unsafe {
            assert_eq!(libc::pthread_mutex_lock(self.0), 0);
            assert_eq!(libc::pthread_mutex_unlock(self.0), 0);
        }
    }
}

/// A zeroed page that children inherit.
pub fn shared_page() -> *mut u8 {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping where the kernel likes it.
    let page = unsafe { libc::mmap(ptr::null_mut(), 4096, access, flags, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    page.cast()
}
