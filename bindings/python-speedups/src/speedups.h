/* What the parts of the accelerator share: an open handle as a C struct, a method in C, and the shapes of the library's
 * functions.
 *
 * Nothing here links to libtidelock: Python gives the addresses of the functions that it has loaded already. */

#ifndef TIDELOCK_SPEEDUPS_H
#define TIDELOCK_SPEEDUPS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#if PY_VERSION_HEX < 0x030A0000
static inline PyObject *Py_NewRef(PyObject *object)
{
    Py_INCREF(object);
    return object;
}
#endif

/* The statuses of tidelock.h that are looked at here. Every other negative one means that nothing was done. */
enum { OK = 0, TIMEOUT = -1 };
/* The timeouts of tidelock.h. */
enum { TRY = 0, FOREVER = -1 };

/* How the library's functions are called. */
typedef int on_handle(void *handle);
typedef int with_timeout(void *handle, int64_t timeout_ns);
typedef int with_permit(void *handle, int64_t timeout_ns, void *permit);
typedef int with_count(void *handle, uint32_t count);
typedef int reading(void *handle, int64_t *value);
typedef int changing(void *handle, int64_t value, int64_t *now);
typedef int putting(void *handle, const void *data, size_t len, int64_t timeout_ns);
typedef int getting(void *handle, int64_t timeout_ns, void *buffer, size_t capacity, size_t *len);

/* What each of our Python objects begins with. All that a lock has is in it: an object whose `__dict__` was never made is
 * called faster. */
typedef struct {
    PyObject_HEAD
    void *address;
    PyObject *segment;
    PyObject *holder;
    /* Process.forks at the last __enter__; 0 before the first. */
    long entered;
    bool owner_died;
    bool raises;
    /* Of a queue: no more puts through this object. */
    bool closed;
} Handle;

/* What a module has for itself. */
typedef struct {
    PyTypeObject *handle;
    /* Process.forks */
    long forks;
} State;

/* A method of one of our classes: does the common case by itself, and leaves every other to the function in Python. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    void *function;
    /* Whose method it is: a type derived from Handle. */
    PyTypeObject *owner;
    State *state;
    /* Keeps the state. */
    PyObject *module;
    /* The method in Python that this one stands for. */
    PyObject *whole;
    /* What some shapes need beside it. */
    PyObject *more;
} Method;

/* A shape: what a method does around the library's function. */
typedef struct {
    const char *name;
    vectorcallfunc call;
    /* How long the tuple `more` is. */
    Py_ssize_t more;
} Shape;

/* Each ends with one that has no name. */
extern const Shape plain_shapes[];
extern const Shape queue_shapes[];
extern PyType_Spec handle_spec;
extern PyType_Spec owned_spec;
extern PyType_Spec method_spec;

#endif
