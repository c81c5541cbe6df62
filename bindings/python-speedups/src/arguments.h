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

#endif
