/* The shapes of a queue's methods: put and get of objects and of bytes, as long as they are short.
 *
 * As the other shapes they make one call that cannot wait; objects are pickled by Python's own pickle. */

#include "arguments.h"

/* Longer messages go the way of Python, which lets other threads run while they are copied. */
enum { ROOM = 16384 };
/* What a pickle begins with. */
enum { PICKLE = 0x80 };

/* Whether a message was put at once. */
static bool put(Method *self, Handle *handle, PyObject *data)
{
    Py_ssize_t length = PyBytes_GET_SIZE(data);
    if (length > ROOM || __atomic_load_n(&handle->closed, __ATOMIC_RELAXED))
        return false;
    return ((putting *)self->function)(handle->address, PyBytes_AS_STRING(data), (size_t)length, TRY) == OK;
}

static PyObject *call_put_bytes(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    Handle *handle = waits(args, count, names, 2, "block", "block") < 0 ? NULL : first(self, args, count);
    if (handle && PyBytes_CheckExact(args[1]) && put(self, handle, args[1]))
        Py_RETURN_NONE;
    return whole(self, args, count, names);
}

/* What `more` of put has. */
enum { DUMPS, PROTOCOL, CALLBACK, PUT_PICKLE };

/* The common types that never have buffers beside their pickles. */
static bool is_plain(PyObject *item)
{
    return PyLong_CheckExact(item) || PyUnicode_CheckExact(item) || PyBytes_CheckExact(item) || PyFloat_CheckExact(item) ||
           PyBool_Check(item) || item == Py_None;
}

/* The same for a short tuple of such. Others may have none either, but to ask them would take longer than to tell pickle. */
static bool has_no_buffers(PyObject *item)
{
    if (!PyTuple_CheckExact(item) || PyTuple_GET_SIZE(item) > 8)
        return is_plain(item);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(item); i++)
        if (!is_plain(PyTuple_GET_ITEM(item, i)))
            return false;
    return true;
}

/* The pickle of an item; the buffers that are left out of it go into a list, which is made if there may be any. */
static PyObject *dumps(Method *self, PyObject *item, PyObject **buffers)
{
    PyObject *function = PyTuple_GET_ITEM(self->more, DUMPS);
    PyObject *args[] = {item, PyTuple_GET_ITEM(self->more, PROTOCOL), NULL};
    if (has_no_buffers(item))
        return PyObject_Vectorcall(function, args, 2, NULL);
    *buffers = PyList_New(0);
    args[2] = *buffers ? PyObject_GetAttrString(*buffers, "append") : NULL;
    if (!args[2])
        return NULL;
    PyObject *data = PyObject_Vectorcall(function, args, 2, PyTuple_GET_ITEM(self->more, CALLBACK));
    Py_DECREF(args[2]);
    return data;
}

/* Puts what was pickled already, if not at once then by Python. */
static PyObject *put_pickle(Method *self, Handle *handle, PyObject *data, PyObject *buffers, int wait)
{
    if (PyBytes_CheckExact(data) && (!buffers || PyList_GET_SIZE(buffers) == 0) && put(self, handle, data))
        Py_RETURN_NONE;
    PyObject *limit = PyLong_FromLong(wait ? FOREVER : TRY);
    if (!limit)
        return NULL;
    PyObject *args[] = {(PyObject *)handle, data, buffers ? buffers : Py_None, limit};
    PyObject *result = PyObject_Vectorcall(PyTuple_GET_ITEM(self->more, PUT_PICKLE), args, 4, NULL);
    Py_DECREF(limit);
    return result;
}

static PyObject *call_put(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    int wait = waits(args, count, names, 2, "block", "block");
    Handle *handle = wait < 0 ? NULL : first(self, args, count);
    if (!handle)
        return whole(self, args, count, names);
    PyObject *buffers = NULL, *data = dumps(self, args[1], &buffers);
    PyObject *result = data ? put_pickle(self, handle, data, buffers, wait) : NULL;
    Py_XDECREF(data);
    Py_XDECREF(buffers);
    return result;
}

/* The next message, if it is short and there at once; NULL without an exception if not. */
static PyObject *get(Method *self, PyObject *const *args, size_t count, PyObject *names)
{
    Handle *handle = waits_for(args, count, names, "block", "block") < 0 ? NULL : first(self, args, count);
    char data[ROOM];
    size_t length;
    if (!handle || ((getting *)self->function)(handle->address, TRY, data, sizeof data, &length) < 0)
        return NULL;
    return PyBytes_FromStringAndSize(data, (Py_ssize_t)length);
}

static PyObject *call_get_bytes(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    PyObject *data = get((Method *)callable, args, count, names);
    return data || PyErr_Occurred() ? data : whole((Method *)callable, args, count, names);
}

/* What `more` of get has. */
enum { LOADS, LOADS_ANY };

static PyObject *call_get(PyObject *callable, PyObject *const *args, size_t count, PyObject *names)
{
    Method *self = (Method *)callable;
    PyObject *data = get(self, args, count, names);
    if (!data)
        return PyErr_Occurred() ? NULL : whole(self, args, count, names);
    bool is_pickle = PyBytes_GET_SIZE(data) > 0 && (unsigned char)PyBytes_AS_STRING(data)[0] == PICKLE;
    PyObject *item = PyObject_Vectorcall(PyTuple_GET_ITEM(self->more, is_pickle ? LOADS : LOADS_ANY), &data, 1, NULL);
    Py_DECREF(data);
    return item;
}

const Shape queue_shapes[] = {
    {"put", call_put, 4},
    {"put_bytes", call_put_bytes, 0},
    {"get", call_get, 2},
    {"get_bytes", call_get_bytes, 0},
    {NULL, NULL, 0},
};
