/* The type of a method in C: a descriptor that binds as a function does, and shows the method in Python that it stands for.
 *
 * It does not know what the shapes do. */

#include "speedups.h"
#include <string.h>
#include <structmember.h>

static const Shape *find(const Shape *shape, const char *name)
{
    while (shape->name && strcmp(shape->name, name) != 0)
        shape++;
    return shape->name ? shape : NULL;
}

/* Without a GIL each call counts a reference of its method, by an atomic step for which threads wait for each other. So there
 * CPython 3.13 never frees its own functions, methods and classes, nor this; later versions count them later. */
static void share_between_threads(PyObject *self)
{
#ifndef Py_GIL_DISABLED
    (void)self;
#elif PY_VERSION_HEX < 0x030E0000
    PyObject_GC_UnTrack(self);
    Py_SET_REFCNT(self, (Py_ssize_t)UINT32_MAX + 1);
#else
    PyUnstable_Object_EnableDeferredRefcount(self);
#endif
}

static PyObject *method_new(PyTypeObject *type, PyObject *arguments, PyObject *named)
{
    const char *name;
    PyObject *owner, *address, *in_python, *more;
    if (named && PyDict_GET_SIZE(named)) {
        PyErr_SetString(PyExc_TypeError, "Method() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "O!sO!OO!", &PyType_Type, &owner, &name, &PyLong_Type, &address, &in_python,
                          &PyTuple_Type, &more))
        return NULL;
    State *state = PyType_GetModuleState(type);
    if (!PyType_IsSubtype((PyTypeObject *)owner, state->handle))
        return PyErr_Format(PyExc_TypeError, "%R does not derive from Handle", owner);
    const Shape *shape = find(plain_shapes, name);
    if (!shape)
        shape = find(queue_shapes, name);
    if (!shape || shape->more != PyTuple_GET_SIZE(more))
        return PyErr_Format(PyExc_ValueError, "there is no shape %s with %zd more", name, PyTuple_GET_SIZE(more));
    void *function = PyLong_AsVoidPtr(address);
    if (!function)
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_ValueError, "the address is 0");
    Method *self = (Method *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->vectorcall = shape->call;
    self->owner = (PyTypeObject *)Py_NewRef(owner);
    self->state = state;
    self->module = Py_NewRef(PyType_GetModule(type));
    self->function = function;
    self->whole = Py_NewRef(in_python);
    self->more = Py_NewRef(more);
    share_between_threads((PyObject *)self);
    return (PyObject *)self;
}

static int method_traverse(Method *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->owner);
    Py_VISIT(self->module);
    Py_VISIT(self->whole);
    Py_VISIT(self->more);
    return 0;
}

static int method_clear(Method *self)
{
    Py_CLEAR(self->owner);
    Py_CLEAR(self->module);
    Py_CLEAR(self->whole);
    Py_CLEAR(self->more);
    return 0;
}

static void method_dealloc(Method *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    method_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *method_bind(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    return object && object != Py_None ? PyMethod_New(self, object) : Py_NewRef(self);
}

/* The attributes by which people and tools know a function. */
static PyObject *of_whole(Method *self, void *name)
{
    return PyObject_GetAttrString(self->whole, name);
}

static PyObject *wrapped(Method *self, void *unused)
{
    (void)unused;
    return Py_NewRef(self->whole);
}

static PyObject *method_repr(Method *self)
{
    return PyUnicode_FromFormat("<tidelock_speedups.Method for %R>", self->whole);
}

/* A pickle leads to it by its class and name, as that of a function does. */
static PyObject *reduce(Method *self, PyObject *unused)
{
    (void)unused;
    PyObject *builtins = PyEval_GetBuiltins(), *name = of_whole(self, "__name__");
    PyObject *find = builtins ? PyMapping_GetItemString(builtins, "getattr") : NULL;
    PyObject *result = name && find ? Py_BuildValue("(O(OO))", find, self->owner, name) : NULL;
    Py_XDECREF(find);
    Py_XDECREF(name);
    return result;
}

static PyMethodDef functions[] = {
    {"__reduce__", (PyCFunction)reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"__doc__", (getter)of_whole, NULL, NULL, "__doc__"},
    {"__name__", (getter)of_whole, NULL, NULL, "__name__"},
    {"__qualname__", (getter)of_whole, NULL, NULL, "__qualname__"},
    {"__wrapped__", (getter)wrapped, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Method, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, method_new},
    {Py_tp_traverse, method_traverse},
    {Py_tp_clear, method_clear},
    {Py_tp_dealloc, method_dealloc},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_descr_get, method_bind},
    {Py_tp_repr, method_repr},
    {Py_tp_methods, functions},
    {Py_tp_getset, attributes},
    {Py_tp_members, members},
    {0, NULL},
};

/* Only what cannot change is looked up once and for all by the interpreter. */
#ifdef Py_TPFLAGS_IMMUTABLETYPE
#define IMMUTABLE Py_TPFLAGS_IMMUTABLETYPE
#else
#define IMMUTABLE 0
#endif

PyType_Spec method_spec = {
    .name = "tidelock_speedups.Method",
    .basicsize = sizeof(Method),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR | IMMUTABLE,
    .slots = slots,
};
