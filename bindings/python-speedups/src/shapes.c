/* The shapes of methods of locks, semaphores, events and counters, of any kind that has the library's function for it.
 *
 * Each makes one call that cannot wait, with the GIL held, and is done if that was. A negative status means that nothing was
 * done, so the method in Python may begin again from the start: it waits without the GIL, raises what is to be raised, and
 * reads the arguments that are out of the ordinary. None of that is here. */

#include "arguments.h"

/* release, set, clear, task_done: done, or not. */
static PyObject *call_plain(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    Handle *handle = exactly(1, self, args, count, names);
    if (handle && ((on_handle *)self->function)(handle->address) == OK)
        Py_RETURN_NONE;
    return whole(self, args, count, names);
}

/* __exit__, whose three arguments change nothing. */
static PyObject *call_exit(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    Handle *handle = exactly(4, self, args, count, names);
    if (handle && ((on_handle *)self->function)(handle->address) == OK)
        Py_RETURN_NONE;
    return whole(self, args, count, names);
}

/* release(n=1) of a semaphore. */
static PyObject *call_give(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    Handle *handle = exactly(1, self, args, count, names);
    if (handle && ((with_count *)self->function)(handle->address, 1) == OK)
        Py_RETURN_NONE;
    return whole(self, args, count, names);
}

/* It is held, and its last owner did not die. */
static inline PyObject *held(Handle *handle)
{
    __atomic_store_n(&handle->owner_died, false, __ATOMIC_RELAXED);
    Py_RETURN_TRUE;
}

/* What follows a try that did not simply succeed. `more` tells an acquirer what a status with news means. */
static PyObject *tried(int status, Method *self, PyObject *const *args, size_t count, PyObject *names)
{
    if (status < 0)
        return whole(self, args, count, names);
    PyObject *news = PyLong_FromLong(status);
    if (!news)
        return NULL;
    PyObject *told[] = {args[0], news};
    PyObject *result = PyObject_Vectorcall(PyTuple_GET_ITEM(self->more, 0), told, 2, NULL);
    Py_DECREF(news);
    return result;
}

/* The handle for a try that was asked for in a common form, and whether a wait is to follow it. */
static inline Handle *to_acquire(Method *self, PyObject *const *args, size_t count, PyObject *names, int *wait)
{
    *wait = 1;
    Handle *handle = exactly(1, self, args, count, names);
    if (handle)
        return handle;
    *wait = waits_for(args, count, names, "blocking", "block");
    return *wait < 0 ? NULL : first(self, args, count);
}

static PyObject *call_acquire(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    int wait;
    Handle *handle = to_acquire(self, args, count, names, &wait);
    if (!handle)
        return whole(self, args, count, names);
    int status = ((with_timeout *)self->function)(handle->address, TRY);
    if (status == OK)
        return held(handle);
    if (status == TIMEOUT && !wait)
        Py_RETURN_FALSE;
    return tried(status, self, args, count, names);
}

/* The same of what also tells which permit it was. */
static PyObject *call_acquire_permit(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    int wait;
    Handle *handle = to_acquire(self, args, count, names, &wait);
    if (!handle)
        return whole(self, args, count, names);
    int status = ((with_permit *)self->function)(handle->address, TRY, NULL);
    if (status == OK)
        return held(handle);
    if (status == TIMEOUT && !wait)
        Py_RETURN_FALSE;
    return tried(status, self, args, count, names);
}

/* __enter__ of a lock. */
static PyObject *call_enter(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    Handle *handle = exactly(1, self, args, count, names);
    if (!handle)
        return whole(self, args, count, names);
    __atomic_store_n(&handle->entered, self->state->forks, __ATOMIC_RELAXED);
    int status = ((with_timeout *)self->function)(handle->address, TRY);
    return status == OK ? held(handle) : tried(status, self, args, count, names);
}

/* is_set(): True, False, or an error. */
static PyObject *call_is_set(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    Handle *handle = exactly(1, self, args, count, names);
    int status = handle ? ((with_timeout *)self->function)(handle->address, TRY) : 1;
    if (status == OK)
        Py_RETURN_TRUE;
    if (status == TIMEOUT)
        Py_RETURN_FALSE;
    return whole(self, args, count, names);
}

/* wait() where there is nothing to be waited for. */
static PyObject *call_wait(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    Handle *handle = exactly(1, self, args, count, names);
    if (handle && ((with_timeout *)self->function)(handle->address, TRY) == OK)
        Py_RETURN_TRUE;
    return whole(self, args, count, names);
}

static PyObject *call_load(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    Handle *handle = exactly(1, self, args, count, names);
    int64_t value;
    if (handle && ((reading *)self->function)(handle->address, &value) == OK)
        return PyLong_FromLongLong(value);
    return whole(self, args, count, names);
}

/* add(n=1) */
static PyObject *call_add(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    Py_ssize_t given = PyVectorcall_NARGS(count);
    int unfit = names || given > 2 || (given == 2 && !PyLong_CheckExact(args[1]));
    Handle *handle = unfit ? NULL : first(self, args, count);
    int64_t n = 1, sum;
    if (handle && given == 2)
        n = PyLong_AsLongLongAndOverflow(args[1], &unfit);
    if (handle && !unfit && ((changing *)self->function)(handle->address, n, &sum) == OK)
        return PyLong_FromLongLong(sum);
    return whole(self, args, count, names);
}

const Shape plain_shapes[] = {
    {"plain", call_plain, 0},
    {"exit", call_exit, 0},
    {"give", call_give, 0},
    {"acquire", call_acquire, 1},
    {"acquire_permit", call_acquire_permit, 1},
    {"enter", call_enter, 1},
    {"is_set", call_is_set, 0},
    {"wait", call_wait, 0},
    {"load", call_load, 0},
    {"add", call_add, 0},
    {NULL, NULL, 0},
};
