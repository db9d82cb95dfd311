"""Las explicaciones del flujo C: qué pasa en cada paso, por qué se hace así y qué se rompería sin ello."""

from __future__ import annotations

from scenarios.engine.authoring import Explanation

EXPLANATIONS = {
    "C1": Explanation(
        what="Finanzas tiene que cobrar una matrícula y no sabe quién cobra hoy: se lo pregunta a Consul.",
        why="Las pasarelas nacen, mueren y se mudan de puerto. Quien quiera llamarlas no apunta su dirección en "
        "un fichero: la pregunta en el momento, y pide solo las que están sanas.",
        without="La dirección viviría copiada en la configuración de cada programa, y el día que una pasarela "
        "se mudase habría que corregirlas todas a la vez.",
        more="Consul es una guía de direcciones que además mira si cada uno está bien. Cada microservicio se "
        "apunta al arrancar con su nombre, su dirección y una página (`/ready`) en la que se puede comprobar si "
        "puede trabajar; Consul la visita cada poco por su cuenta. La pregunta es `GET "
        "/v1/health/service/pasarelas-pago?passing=1`: sin `passing` vendrían también las enfermas. Finanzas "
        "pregunta en cada cobro, porque cuesta un milisegundo y una respuesta vieja saldría cara. Con miles de "
        "llamadas por segundo se haría al revés: una espera larga que avisa cuando la lista cambia. La prueba "
        "es el span de esa pregunta, contestada por este Consul, y que Consul conoce a las dos.",
    ),
    "C2": Explanation(
        what="Consul da la dirección de la única pasarela sana. De la otra sabe que existe, y se la calla.",
        why="Las dos están vivas, pero a una el proveedor le ha suspendido la clave: contesta y no puede "
        "cobrar. Por eso no basta con saber si un proceso vive; hay que saber si está listo.",
        without="La mitad de los cobros irían a parar a quien no puede hacerlos.",
        more="Son dos preguntas distintas. `/health`: ¿está vivo el proceso? Si no, se reinicia. `/ready`: "
        "¿puede atender ahora? Si no, no se le manda a nadie, pero tampoco se le mata, porque puede no ser "
        "culpa suya. La respuesta trae `X-Consul-Index`, un número que crece con cada cambio. La prueba se "
        "apoya en él: ese índice, apuntado en el span de Finanzas, es igual o mayor que el del último cambio de "
        "la instancia; luego cuando se contestó ya estaba sana y ahí. Después se llama a esa dirección para ver "
        "que contesta quien debe.",
    ),
    "C3": Explanation(
        what="Finanzas llama directamente a esa pasarela, sin pasar por nadie más, y le pide que cobre.",
        why="Consul dice dónde está cada uno, pero no se mete en medio: si mañana se cae, quien ya sabe la "
        "dirección puede seguir hablando.",
        without="Todas las llamadas de la escuela pasarían por un mismo sitio, y con él se pararían todas.",
        more="La instancia puede morirse justo entre la respuesta de Consul y la llamada: Consul tarda hasta un "
        "segundo en enterarse. Por eso Finanzas, si no le contestan, prueba con otra y, si no queda ninguna, "
        "vuelve a preguntar una vez. Repetir un cobro da miedo, y se hace sin él porque la orden lleva una "
        "`Idempotency-Key`: la misma clave viaja hasta el proveedor, y con ella solo se cobra una vez. La "
        "prueba es la llamada en la traza, a una dirección que Consul da por sana, y que el contador de esa "
        "instancia subió.",
    ),
    "C4": Explanation(
        what="La pasarela manda la orden al proveedor de pagos, que está fuera y no es nuestro. Aquí es simulado.",
        why="Hablar con él tiene su ciencia: claves, plazos, rechazos, reintentos. Está toda en un sitio, y los "
        "demás no tienen que saberla.",
        without="Cada microservicio que cobrase algo repetiría ese código, con sus propios errores y con las "
        "claves a mano.",
        more="El número de la tarjeta nunca pasa por la escuela: quien paga se lo da directamente al proveedor "
        "y este devuelve un nombre (`pm_…`) que no sirve para nada fuera de aquí. Cada pasarela tiene su clave "
        "secreta; si una se filtra, se suspende esa y la otra sigue cobrando. Que un banco rechace una tarjeta "
        "no es un fallo del sistema: se cuenta aparte y se contesta 402. La prueba se lee del libro del "
        "proveedor: un pago, y solo uno, con la clave de esta ejecución, su importe y su estudiante.",
    ),
    "C5": Explanation(
        what="La pasarela contesta a Finanzas cómo quedó el pago, y Finanzas a quien lo pidió.",
        why="El identificador es el del proveedor: con él se puede buscar el pago en su libro, reclamarlo o "
        "devolverlo.",
        without="La escuela sabría que pidió cobrar y no si se cobró.",
        more="Si la respuesta se perdiera por el camino no se sabría si se cobró o no, que es peor que saber "
        "que no. Por eso Finanzas contesta entonces 503 y dice que se repita con la misma clave: el proveedor "
        "devolverá el pago que ya hizo, con `Idempotent-Replayed: true`. La prueba compara lo que recibió quien "
        "pidió el cobro con lo que el proveedor tiene apuntado: el pago, cómo quedó y qué pasarela lo pidió.",
    ),
    "C6": Explanation(
        what="Finanzas cuenta a Jaeger su parte: la petición que recibió, a quién preguntó y a quién llamó.",
        why="Lo cuenta cada uno por su lado y sin esperar a nadie. Si Jaeger no está, el cobro se hace igual.",
        without="Cuando un cobro tarde tres segundos, nadie sabrá si los gastó Consul, la pasarela o el banco.",
        more="Un span dice qué se hizo, cuándo empezó y cuánto duró, y de qué otro span cuelga. El de Finanzas "
        "cuelga del de quien pidió el cobro, porque la petición traía `traceparent`, el número de la traza. La "
        "prueba es esa arista: padre el cliente, hijo Finanzas, en la traza de esta ejecución.",
    ),
    "C7": Explanation(
        what="La pasarela cuenta la suya, y las dos encajan: su span cuelga de la llamada que hizo Finanzas.",
        why="Son dos programas que no comparten memoria ni reloj. Encajan porque el número de la traza viajó en "
        "la cabecera de la llamada.",
        without="Habría dos historias sueltas, y para unirlas solo quedaría comparar horas en dos logs.",
        more="El span lleva además qué instancia lo hizo (`service.instance.id`), con el mismo nombre que tiene "
        "en Consul. Con dos pasarelas iguales es lo que permite decir «las lentas son todas de la 1». La "
        "prueba: el padre es la llamada de Finanzas y la instancia es aquella a la que se llamó.",
    ),
}
