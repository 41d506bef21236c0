/* tests/programs/objapi_program.c: a program as the documentation of ObjApi lets one write it:
 * connect, take the children, open, set, read, list, log off. Prints each step; ends with 1 at the
 * first thing that is not as documented.
 *
 *     objapi_program <connect string> [passive]
 *
 * It expects a child Obj.Level (Re) with the limits 2, 3, 4 and 5, which gives the process alarms
 * of the outer ones, a child Obj.Curve (array of Re), and a user variable Obj.Note (Txt). It
 * declares a child Obj.Station (St), and waits until somebody sets Obj.Level to 7. With `passive`
 * it waits until another instance has declared Obj.Station and ended. */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <d2k/objapi.h>

#define PATIENCE_S 10

static sem_t child_came, level_came, command_came, note_came, station_came, station_changed;
static sem_t station_value_came, curve_came;
static HOBJ level, note, station, curve;
static APIRET in_callback;

static void check(int is_right, const char *what)
{
    printf("%s: %s\n", is_right ? "ok" : "WRONG", what);
    (void)fflush(stdout);
    if (!is_right) {
        fprintf(stderr, "%s: %s\n", what, D2kErrorText());
        exit(EXIT_FAILURE);
    }
}

static void await(sem_t *what, const char *name)
{
    struct timespec until;
    int failed;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while ((failed = sem_timedwait(what, &until)) != 0 && errno == EINTR) {
    }
    check(!failed, name);
}

static void new_definition(const BasObjInfoPtr data, int created)
{
    if (created && strcmp(data->Name, "Obj.Level") == 0) {
        level = data->Id;
        (void)sem_post(&child_came);
    } else if (created && strcmp(data->Name, "Obj.Station") == 0 && data->Type == ValType_St) {
        station = data->Id;
        (void)sem_post(strcmp(data->Unit, "later") == 0 ? &station_changed : &station_came);
    }
}

/* The low and the high index, then the elements, of which the second is not valid. */
static int is_curve(const UniVal *value)
{
    const UniVal *all = value->ArrayValPtr;
    return value->type == ValType_Re && value->Indirect != 0 && all[0].Intval == 5 &&
           all[1].Intval == 6 && all[2].Realval == 0.5 && all[2].status == VAL_Valid &&
           (all[3].status & VAL_Valid) == 0;
}

/* What is asked of a child is done at once, and told; that is asynchronous, so it is allowed here.
 */
static void new_value(HOBJ Id, const UniValPtr value)
{
    if (Id == level && (value->status & VAL_Transient) != 0 && value->Realval == 7) {
        HOBJ unused;
        UniVal done = {.type = ValType_Re, .status = VAL_Valid, .Realval = value->Realval};
        in_callback = GetObjectId("Obj.Note", &unused);
        (void)SetNewValue(Id, &done);
        (void)sem_post(&command_came);
    } else if (Id == level && value->Realval == 1.5 && (value->status & VAL_Valid) != 0 &&
               value->limitStatus == VL_Limit && value->Flags == 0x8001 &&
               value->procAlarmStatus == 25 && (value->status & VAL_ProcAlarm) != 0 &&
               value->procAlarmTime == value->valtime) {
        (void)sem_post(&level_came);
    } else if (Id == curve && value->gvaltyp == GValTyp_Array && is_curve(value)) {
        (void)sem_post(&curve_came);
    } else if (value->type == ValType_St && value->Stval == 4) {
        (void)sem_post(&station_value_came);
    } else if (value->type == ValType_Txt && strcmp(value->TxtVal, "written") == 0) {
        (void)sem_post(&note_came);
    }
}

static void children(void)
{
    UniVal value = {.type = ValType_Re, .status = VAL_Valid, .Realval = 1.5, .Flags = 0x8001};
    BasObjInfo opened;
    check(SendChildren(NULL) == API_ParamError, "children need a callback");
    check(SendChildren(new_definition) == API_OK, "the children are asked for");
    await(&child_came, "NewDefinition of the child");
    check(SetNewValue(level, &value) == API_OK, "a value of the child is sent");
    check(OpenObject("Obj.Level", &opened) == API_OK && opened.Id == level, "the child is opened");
    await(&level_came, "NewObjectValue of the child");
    value.type = ValType_Ci;
    check(SetNewValue(level, &value) == API_ValTypeError, "another type is refused");
    check(SetNewValue(4000000000u, &value) == API_UnknownId, "an unknown number is refused");
    check(SetNewValue(level, NULL) == API_ParamError, "no value is refused");
}

static void arrays(void)
{
    BasObjInfo opened;
    UniVal all[] = {{.type = ValType_Ci, .Intval = 5},
                    {.type = ValType_Ci, .Intval = 6},
                    {.type = ValType_Re, .status = VAL_Valid, .Realval = 0.5},
                    {.type = ValType_Re}};
    UniVal value = {.gvaltyp = GValTyp_Array, .status = VAL_Valid, .type = ValType_Re};
    check(OpenObject("Obj.Curve", &opened) == API_OK && opened.Type == ValType_Re,
          "an array is opened");
    curve = opened.Id;
    value.ArrayValPtr = all;
    check(SetNewValue(curve, &value) == API_OK, "its value is sent");
    await(&curve_came, "NewObjectValue of the array");
    check(GetObjectValue(curve, &value) == API_OK && is_curve(&value), "it is read");
    FreeData(value.ArrayValPtr);
    check(SetNewValue(curve, &all[2]) == API_ValTypeError, "a simple value is refused");
    check(CloseObject(curve) == API_OK, "it is closed");
}

/* As a passive instance: what the other declares meanwhile is told when this one becomes active. */
static void take_over(void)
{
    check(SendChildren(new_definition) == API_OK, "the children are asked for");
    await(&child_came, "NewDefinition of the child");
    printf("waiting\n");
    (void)fflush(stdout);
    await(&station_came, "NewDefinition of what the other instance has declared");
}

/* A child that comes later, and becomes another. Its type has states. */
static void later_children(void)
{
    UniVal value = {.type = ValType_St, .status = VAL_Valid, .Stval = 4};
    BasObjInfo opened;
    HOBJ id = 0;
    check(D2kDefineChild("Obj.Station", ValType_St, "", "", &id) == API_OK, "a child is declared");
    await(&station_came, "NewDefinition of the child that is new");
    check(station == id, "it has the number that was told");
    check(OpenObject("Obj.Station", &opened) == API_OK && opened.Type == ValType_St,
          "it is opened");
    check(SetNewValue(id, &value) == API_OK, "its state is sent");
    await(&station_value_came, "NewObjectValue of its state");
    value.Stval = 6;
    check(SetNewValue(id, &value) == API_ParamError, "a state that there is not is refused");
    check(D2kDefineChild("Obj.Station", ValType_St, "", "later", &id) == API_OK,
          "it is declared anew");
    await(&station_changed, "NewDefinition of the child that changed");
    check(sem_trywait(&station_came) != 0, "each definition is told once");
    check(CloseObject(id) == API_OK, "it is closed");
}

static void objects_of_others(void)
{
    BasObjInfo opened, again;
    HOBJ id = 0;
    char text[] = "written";
    UniVal value = {.type = ValType_Txt, .status = VAL_Valid, .TxtVal = text};
    check(OpenObject("No.Such", &opened) == API_ObjNotExist, "what is not there is not opened");
    check(OpenObject("*", &opened) == API_ParamError, "a mask is no name");
    check(OpenObject("Obj.Note", &opened) == API_OK, "an object is opened");
    check(opened.Type == ValType_Txt && strcmp(opened.Name, "Obj.Note") == 0, "it is described");
    note = opened.Id;
    check(OpenObject("obj.note", &again) == API_OK && again.Id == note, "it is opened again");
    check(GetObjectId("Obj.Note", &id) == API_OK && id == note, "its number is told");
    check(SetNewValue(note, &value) == API_OK, "it is set");
    await(&note_came, "NewObjectValue of it");
    check(CloseObject(note) == API_OK && CloseObject(note) == API_OK, "it is closed twice");
    check(CloseObject(note) == API_UnknownId, "what is not open is not closed");
    check(GetObjectValue(note, &value) == API_OK && value.type == ValType_Txt, "it is read");
    check(strcmp(value.TxtVal, "written") == 0 && value.valtime > 1e9, "what was set is read");
    FreeData(value.TxtVal);
    check(GetObjectValue(4000000000u, &value) == API_UnknownId, "an unknown number is not read");
}

static void lists(void)
{
    BasObjInfoPtr list;
    unsigned count;
    check(ListOfObjects(ValType_None, "Obj.*", &list, &count) == API_OK && count == 5,
          "a list, with the objects of the process");
    FreeData(list);
    check(ListOfObjects(ValType_Txt, "Obj.*", &list, &count) == API_OK && count == 1 &&
              list[0].Id == note,
          "a list by type");
    FreeData(list);
    check(ListOfObjects(ValType_None, "None.*", &list, &count) == API_OK && count == 0 && !list,
          "an empty list");
}

static void all_calls(void)
{
    children();
    later_children();
    arrays();
    objects_of_others();
    lists();
    printf("waiting\n");
    (void)fflush(stdout);
    await(&command_came, "what somebody sets the child to");
    check(in_callback == API_TimeoutError, "no synchronous call in a callback");
}

int main(int argc, char **argv)
{
    const char *server = argc > 1 ? argv[1] : "";
    BasObjInfo unused;
    (void)sem_init(&station_came, 0, 0);
    (void)sem_init(&station_changed, 0, 0);
    (void)sem_init(&station_value_came, 0, 0);
    (void)sem_init(&curve_came, 0, 0);
    (void)sem_init(&child_came, 0, 0);
    (void)sem_init(&level_came, 0, 0);
    (void)sem_init(&command_came, 0, 0);
    (void)sem_init(&note_came, 0, 0);
    check(OpenObject("Obj.Level", &unused) == API_TimeoutError, "nothing before ConnectKernel");
    check(ConnectKernel(NULL, new_value, 1000) == API_ParamError, "a server is needed");
    check(ConnectKernel("/nonsense", new_value, 1000) == API_ParamError, "no such parameter");
    check(ConnectKernel(server, new_value, PATIENCE_S * 1000) == API_OK, "connected");
    check(ConnectKernel(server, new_value, 1000) == API_ParamError, "once only");
    if (argc > 2) {
        take_over();
    } else {
        all_calls();
    }
    check(LogoffProc() == API_OK, "logged off");
    check(LogoffProc() == API_OK, "logging off twice is no error");
    return EXIT_SUCCESS;
}
