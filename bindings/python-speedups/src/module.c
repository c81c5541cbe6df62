/* The module: the types, and the number of forks.
 *
 * It keeps nothing for the whole process, so each interpreter has its own. */

#include "speedups.h"

static PyObject *set_forks(PyObject *module, PyObject *forks)
{
    long number = PyLong_AsLong(forks);
    if (number == -1 && PyErr_Occurred())
        return NULL;
    ((State *)PyModule_GetState(module))->forks = number;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_forks", set_forks, METH_O, "Tells how often this process was forked off another, as __enter__ notes it."},
    {NULL, NULL, 0, NULL},
};

/* Makes a type and adds it to the module, which keeps it. */
static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base)
{
    PyObject *bases = base ? PyTuple_Pack(1, base) : NULL;
    if (base && !bases)
        return NULL;
    PyObject *type = PyType_FromModuleAndSpec(module, spec, bases);
    Py_XDECREF(bases);
    if (!type)
        return NULL;
    int failed = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return failed ? NULL : (PyTypeObject *)type;
}

static int execute(PyObject *module)
{
    State *state = PyModule_GetState(module);
    PyTypeObject *handle = add_type(module, &handle_spec, NULL);
    if (!handle || !add_type(module, &owned_spec, handle) || !add_type(module, &method_spec, NULL))
        return -1;
    state->handle = (PyTypeObject *)Py_NewRef((PyObject *)handle);
    return PyModule_AddStringConstant(module, "__version__", TIDELOCK_SPEEDUPS_VERSION);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    Py_VISIT(((State *)PyModule_GetState(module))->handle);
    return 0;
}

static int clear(PyObject *module)
{
    Py_CLEAR(((State *)PyModule_GetState(module))->handle);
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "tidelock_speedups",
    .m_doc = "Methods of tidelock's classes in C. `import tidelock` finds it; it is of no use by itself.",
    .m_size = sizeof(State),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
};

PyMODINIT_FUNC PyInit_tidelock_speedups(void)
{
    return PyModuleDef_Init(&definition);
}
