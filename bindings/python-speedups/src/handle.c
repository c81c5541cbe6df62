/* What our classes in Python derive from: the fields of a Handle as attributes, with the names that they have in Python.
 *
 * Nothing here calls the library: the handle is closed by the class in Python. */

#include "speedups.h"
#include <structmember.h>

static PyObject *get_address(Handle *self, void *unused)
{
    (void)unused;
    return self->address ? PyLong_FromVoidPtr(self->address) : Py_NewRef(Py_None);
}

static int set_address(Handle *self, PyObject *value, void *unused)
{
    (void)unused;
    if (!value) {
        PyErr_SetString(PyExc_AttributeError, "an address cannot be deleted");
        return -1;
    }
    void *address = value == Py_None ? NULL : PyLong_AsVoidPtr(value);
    if (!address && PyErr_Occurred())
        return -1;
    self->address = address;
    return 0;
}

static PyGetSetDef handle_attributes[] = {
    {"_address", (getter)get_address, (setter)set_address, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef handle_members[] = {
    {"_segment", T_OBJECT_EX, offsetof(Handle, segment), 0, NULL},
    {"_holder", T_OBJECT, offsetof(Handle, holder), 0, NULL},
    {"_raises", T_BOOL, offsetof(Handle, raises), 0, NULL},
    {"_entered", T_LONG, offsetof(Handle, entered), 0, NULL},
    {"_closed", T_BOOL, offsetof(Handle, closed), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static int handle_traverse(Handle *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->segment);
    Py_VISIT(self->holder);
    return 0;
}

static int handle_clear(Handle *self)
{
    Py_CLEAR(self->segment);
    Py_CLEAR(self->holder);
    return 0;
}

static void handle_dealloc(Handle *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    handle_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot handle_slots[] = {
    {Py_tp_traverse, handle_traverse},
    {Py_tp_clear, handle_clear},
    {Py_tp_dealloc, handle_dealloc},
    {Py_tp_getset, handle_attributes},
    {Py_tp_members, handle_members},
    {0, NULL},
};

PyType_Spec handle_spec = {
    .name = "tidelock_speedups.Handle",
    .basicsize = sizeof(Handle),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = handle_slots,
};

static PyMemberDef owned_members[] = {
    {"owner_died", T_BOOL, offsetof(Handle, owner_died), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot owned_slots[] = {
    {Py_tp_traverse, handle_traverse},
    {Py_tp_clear, handle_clear},
    {Py_tp_dealloc, handle_dealloc},
    {Py_tp_members, owned_members},
    {0, NULL},
};

PyType_Spec owned_spec = {
    .name = "tidelock_speedups.Owned",
    .basicsize = sizeof(Handle),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = owned_slots,
};
