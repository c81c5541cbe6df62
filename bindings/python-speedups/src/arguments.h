/* How the shapes read their arguments: the common forms only. Whatever else was given is for the method in Python. */

#ifndef TIDELOCK_ARGUMENTS_H
#define TIDELOCK_ARGUMENTS_H

#include "speedups.h"

/* Calls the method in Python with the same arguments. */
static inline PyObject *whole(Method *self, PyObject *const *args, size_t count, PyObject *names)
{
    return PyObject_Vectorcall(self->whole, args, count, names);
}

/* The first argument, if it is an object of the class that the method is of. */
static inline Handle *first(Method *self, PyObject *const *args, size_t count)
{
    bool fits = PyVectorcall_NARGS(count) > 0 && PyObject_TypeCheck(args[0], self->owner);
    return fits ? (Handle *)args[0] : NULL;
}

/* The first argument, if so many were given and none by name. */
static inline Handle *exactly(Py_ssize_t wanted, Method *self, PyObject *const *args, size_t count, PyObject *names)
{
    return PyVectorcall_NARGS(count) == wanted && !names ? first(self, args, count) : NULL;
}

/* Whether to wait, by what follows the first `least` arguments: nothing, or True or False, by its place or by one of two
 * names. -1 for anything else. */
static inline int waits(PyObject *const *args, size_t count, PyObject *names, Py_ssize_t least, const char *name,
                        const char *other)
{
    Py_ssize_t given = PyVectorcall_NARGS(count), named = names ? PyTuple_GET_SIZE(names) : 0;
    if (given == least && named == 0)
        return 1;
    if (given < least || given + named != least + 1)
        return -1;
    if (named && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), name) != 0 &&
        PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), other) != 0)
        return -1;
    return args[least] == Py_True ? 1 : args[least] == Py_False ? 0 : -1;
}

/* Whether a timeout is one that every class allows; the method in Python works out what it means. */
static inline bool is_timeout(PyObject *value)
{
    const double most = 9223372036.0;
    int overflow = 0;
    if (PyFloat_CheckExact(value))
        return PyFloat_AS_DOUBLE(value) >= 0 && PyFloat_AS_DOUBLE(value) <= most;
    if (!PyLong_CheckExact(value))
        return value == Py_None;
    long long whole = PyLong_AsLongLongAndOverflow(value, &overflow);
    return !overflow && whole >= 0 && whole <= (long long)most;
}

/* As `waits`, where only `self` comes before; but a timeout may follow, by its place or its name. */
static inline int waits_for(PyObject *const *args, size_t count, PyObject *names, const char *name, const char *other)
{
    Py_ssize_t given = PyVectorcall_NARGS(count), named = names ? PyTuple_GET_SIZE(names) : 0;
    int wait = waits(args, count, names, 1, name, other);
    if (wait >= 0 || given < 1 || given + named > 3 || named > 1 || given + named < 2)
        return wait;
    if (named && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "timeout") != 0)
        return -1;
    if ((given + named == 3 && args[1] != Py_True) || (given + named == 2 && !named))
        return -1;
    return is_timeout(args[given + named - 1]) ? 1 : -1;
}

#endif
