/* d2k/objapi.h: the calls of D2000 ObjApi on top of libd2k (library libd2kobjapi).
 *
 * For programs that were written for ObjApi. Names, fields and return codes are the documented
 * ones; docs/objapi.md tells what each call becomes, which declarations are d2k's own choice
 * because the original's are not published, and what is not offered. New programs use
 * <d2k/client.h>.
 *
 * One connection per program. Threads: the library has one thread, which works on the connection
 * and calls the program back, one callback after the other. Synchronous calls (marked so) send a
 * question and wait for the answer; several at once wait for each other. In a callback they would
 * wait for themselves: there they give API_TimeoutError at once. No call may run beside
 * ConnectKernel() or LogoffProc().
 *
 * Memory: what a call returns in a value or a list is the program's, freed with FreeData(). What a
 * callback gets is freed by the library when it returns. */
#ifndef D2K_OBJAPI_H
#define D2K_OBJAPI_H

#include <stdint.h>

#include <d2k/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Number of an object, unique in the kernel's configuration. */
typedef uint32_t HOBJ;

typedef enum APIRET {
    API_OK = 0,
    API_ObjNotExist = 1,  /* no such object, or it may not be seen */
    API_TimeoutError = 2, /* no answer in time; there is no connection (any more) */
    API_ParamError = 3,   /* a parameter is wrong */
    API_UnknownId = 4,    /* this number was not given to this program */
    API_ValTypeError = 5  /* the object has values of another type */
} APIRET;

/* Status bits of a value. */
enum {
    VAL_Valid = 1,
    VAL_ProcAlarm = 2,
    VAL_NoAckPAlarm = 4,
    VAL_PrAlSilent = 8,
    VAL_Weak = 16,
    VAL_NoAckValue = 32,
    VAL_Transient = 64,
    VAL_Default = 128,
    VAL_Manual = 256,
    VAL_PrAlCrit = 512
};

typedef enum LimitStatus {
    InLimit,
    VL_Limit,
    L_Limit,
    H_Limit,
    VH_Limit,
    LimitsProblem
} LimitStatus;

/* Types of values. The names are those of the original's tables; the numbers are d2k's. */
typedef enum ValType {
    ValType_None = 0, /* no value yet */
    ValType_Bo = 1,   /* logical: Boval */
    ValType_Ci = 2,   /* integer: Intval */
    ValType_Re = 3,   /* real: Realval */
    ValType_TmA = 4,  /* absolute time: TmAval */
    ValType_TmR = 5,  /* relative time: TmRval */
    ValType_Txt = 6,  /* text: TxtVal */
    ValType_Li = 7,   /* line: Boval, 1 it works */
    ValType_Al = 8,   /* alarm: Alval; 8..11: the number of a state, which docs/objapi.md lists */
    ValType_St = 9,   /* station: Stval */
    ValType_Pr = 10,  /* process: Prval */
    ValType_Q = 11    /* quaternary: QVal */
} ValType;

typedef enum GValTyp { GValTyp_Simple = 0, GValTyp_Array = 1, GValTyp_Record = 2 } GValTyp;

/* A value. The fields and their order are the original's. */
typedef struct UniVal {
    GValTyp gvaltyp;
    unsigned status;          /* VAL_ bits */
    LimitStatus limitStatus;  /* the kernel finds it and the alarm, also in SetNewValue() */
    unsigned procAlarmStatus; /* which process alarm stands; 0: none */
    ValType type;
    double valtime;       /* seconds since 1970-01-01 UTC; 0 in SetNewValue() is now */
    double procAlarmTime; /* the same; 0: none */
    unsigned Flags;       /* bit 0 is A, bit 15 is P */
    int Indirect;         /* not 0: the content is a pointer, free it with FreeData(): one block */
    union {
        int Boval;
        int Intval; /* an integer that does not fit is the nearest that does, marked VAL_Weak */
        double Realval;
        int Stval;
        int Alval;
        int Prval;
        double TmAval; /* seconds since 1970-01-01 UTC */
        double TmRval; /* seconds */
        int QVal;
        char *TxtVal; /* UTF-8, terminated */
        struct UniVal
            *ArrayValPtr; /* [0] and [1]: low and high index (Intval); then the elements */
        __extension__ struct {
            struct UniVal *recordValPtr; /* [0] and [1] as above; then row by row */
            unsigned StructTypId;        /* 0 */
            int ColsNr;
        };
    };
} UniVal, *UniValPtr;

/* What an object is. The original's fields beside Id are not published. */
typedef struct BasObjInfo {
    HOBJ Id;
    ValType Type; /* of an array that of its elements */
    char Name[65];
    char Descript[513];
    char Unit[65];
} BasObjInfo, *BasObjInfoPtr;

/* NewObjectValue: a new value or status of an object that is open, or what somebody sets a child
 * to: then status has VAL_Transient, and the program answers with SetNewValue() when it has acted.
 */
typedef void NewValueProc(HOBJ Id, const UniValPtr value);

/* NewDefinition: a child of this process was created, or is another than was told (`created` 1), or
 * was deleted (0). */
typedef void NewDefinitionProc(const BasObjInfoPtr data, int created);

/* Connects and registers as a process of type API. `server`: the hosts as in /S ("hmi1,hmi2:3120"),
 * or start parameters of every d2k client between blanks ("/Shmi1 @PLANT /WDispPC"). `value` may be
 * NULL. timeout_ms is how long this and every synchronous call may take. API_ParamError (a
 * parameter, the configuration, connected already), API_TimeoutError (nobody there, refused). */
D2K_API APIRET ConnectKernel(const char *server, NewValueProc *value, unsigned timeout_ms);

/* Tells the objects of this process (those of this name that the kernel knows) with NewDefinition,
 * each once, and again when it is another. Later ones are told when this program declares them or
 * asks for them, when it is connected again, and when it becomes the active instance. Returns
 * before they come. API_ParamError (NULL), API_TimeoutError. */
D2K_API APIRET SendChildren(NewDefinitionProc *definition);

/* Ends the connection in order: the kernel records Stop. Not in a callback. API_OK also when there
 * was none; API_TimeoutError: it ended, but not in order. */
D2K_API APIRET LogoffProc(void);

/* Synchronous. Opens an object: *data is filled, then its value and every change come to
 * NewValueProc. It may be opened several times. API_ObjNotExist, API_TimeoutError, API_ParamError
 * (no name of an object). */
D2K_API APIRET OpenObject(const char *name, BasObjInfoPtr data);
/* Takes back one OpenObject(). API_UnknownId: it is not open. */
D2K_API APIRET CloseObject(HOBJ Id);

/* Sets a child, or an object of another process or of the kernel whose number this program has.
 * API_OK only means: sent. API_UnknownId, API_ValTypeError, API_ParamError (range, time, NULL),
 * API_TimeoutError (no connection, or too much waits to be sent). */
D2K_API APIRET SetNewValue(HOBJ Id, const UniValPtr value);

/* Synchronous. The value of an object as it is now. API_UnknownId, API_ObjNotExist (it was
 * deleted), API_TimeoutError, API_ParamError. */
D2K_API APIRET GetObjectValue(HOBJ Id, UniValPtr value);

/* Synchronous. The number of an object. As OpenObject(). */
D2K_API APIRET GetObjectId(const char *name, HOBJ *Id);

/* Synchronous. Objects whose name matches the mask ('*' and '?'), of one type, or of all with
 * ValType_None. *list (NULL: there are none) is freed with FreeData(). API_TimeoutError,
 * API_ParamError. */
D2K_API APIRET ListOfObjects(ValType type, const char *mask, BasObjInfoPtr *list, unsigned *count);

/* Frees a text, an array or a structure of a value, or a list; NULL is allowed. */
D2K_API void FreeData(void *data);

/* ---- what D2000 has no call for: there CNF makes children ---- */

/* Synchronous. Declares a child of this process, or says anew what it is; told with NewDefinition
 * once SendChildren() was called. API_ParamError (name, type, or it belongs to another),
 * API_TimeoutError. */
D2K_API APIRET D2kDefineChild(const char *name, ValType type, const char *description,
                              const char *unit, HOBJ *Id);

/* Why the last call of this thread failed: a sentence for a person; "" if it did not. Holds until
 * its next call. */
D2K_API const char *D2kErrorText(void);

#ifdef __cplusplus
}
#endif

#endif
