"""Las explicaciones del flujo A: qué pasa en cada paso, por qué se hace así y qué se rompería sin ello."""

from __future__ import annotations

from scenarios.engine.authoring import Explanation

EXPLANATIONS = {
    "A1": Explanation(
        what="La aplicación web manda la foto y, en una cabecera, un token firmado que dice quién la sube.",
        why="Todo entra por Kong, la única puerta. El token (JWT) lleva dentro el nombre y una fecha de "
        "caducidad, y va firmado: se puede leer, pero no cambiar sin que se note.",
        without="Cualquiera podría cambiar la foto de otra persona con solo saber su nombre.",
        more="Un JWT son tres trozos separados por puntos: cabecera, datos y firma. La firma se calcula con un "
        "secreto que aquí comparten quien emite el token, Kong y el microservicio (HS256). Para la prueba "
        "se hacen además tres llamadas malas: sin token, con uno caducado y con uno firmado con otro "
        "secreto. Las tres deben recibir un 401. La petición lleva también `traceparent`, el número de la "
        "traza: con él, cada programa por el que pase apuntará lo que hizo en el mismo recorrido, que luego "
        "se ve entero en Jaeger.",
    ),
    "A2": Explanation(
        what="Kong comprueba la firma y la caducidad del token, y mira cuántas llamadas lleva esta aplicación.",
        why="Comprobarlo en la puerta evita repetirlo mal en cada microservicio, y una llamada que no debe "
        "pasar no gasta nada más allá de Kong.",
        without="Un programa con un error —o con mala intención— podría mandar miles de fotos por segundo y tirar "
        "el servicio para todos.",
        more="Son dos *plugins* de Kong que se activan en `kong.yaml`: `jwt` y `rate-limiting`. El segundo "
        "cuenta llamadas por ventana de tiempo y dice cuántas quedan en la cabecera `RateLimit-Remaining`; "
        "cuando no queda ninguna contesta 429. Para la prueba se hace otra llamada más y se mira que el "
        "contador baje justo en uno. Kong es un programa ajeno: no se le puede parar a mitad, así que este "
        "paso y el siguiente pasan de una vez.",
    ),
    "A3": Explanation(
        what="Kong busca en sus rutas a quién le toca `/api/upload/avatar` y le pasa la petición a Uploads.",
        why="Quien llama solo conoce una dirección. Detrás se puede mover, partir o repetir un microservicio "
        "sin que nadie de fuera se entere.",
        without="La aplicación web tendría que conocer la dirección de cada microservicio, y cambiarla cada vez.",
        more="Kong añade sus cabeceras (`X-Forwarded-For`, `Via`…) y conserva las de la traza, cambiando el "
        "padre: por eso en Jaeger el span de Uploads cuelga del de Kong. Esa arista, padre Kong e hijo "
        "Uploads, es la prueba: la escriben dos programas distintos que no se han puesto de acuerdo.",
    ),
    "A4": Explanation(
        what="Uploads comprueba que es una foto de verdad y guarda el fichero entero en MinIO.",
        why="La foto entera va al almacén de objetos; por Kafka y por Redis solo irá su dirección. Un mensaje "
        "de 5 MB frena a todos los que van detrás.",
        without="Habría que meter la foto en la base de datos o en el mensaje, y las dos cosas están hechas para "
        "datos pequeños.",
        more="MinIO habla el protocolo S3: un *bucket* (`avatares`) con objetos, cada uno con su clave "
        "(`usuario/identificador.png`). Antes de guardar se descomprime la foto para saber que no está "
        "cortada: el nombre del fichero y su extensión no prueban nada. La prueba vuelve a leer el objeto y "
        "compara su resumen SHA-256 con el de los bytes que se mandaron.",
    ),
    "A5": Explanation(
        what="MinIO contesta que el objeto está guardado y dice su ETag, la huella de lo que guardó.",
        why="Uploads espera esta respuesta antes de seguir: avisar de una foto que no se llegó a guardar sería "
        "peor que no avisar.",
        without="El siguiente podría ir a buscar la foto y no encontrarla.",
        more="El ETag de un objeto subido de una vez es el MD5 de sus bytes. Uploads lo deja apuntado en su "
        "span; la prueba compara ese apunte con el ETag que MinIO dice hoy. Si alguien hubiera cambiado el "
        "objeto entre medias, no coincidirían. Al ir paso a paso, el sistema se para aquí con el objeto ya "
        "guardado y con Uploads sin saberlo todavía.",
    ),
    "A6": Explanation(
        what="Uploads publica en Kafka el suceso «avatar_subido», con la dirección de la foto y la clave del "
        "usuario.",
        why="Quien quiera enterarse lo leerá de Kafka. Uploads no sabe quién es ni cuántos son, y no espera a "
        "nadie.",
        without="Uploads tendría que llamar a cada interesado, uno por uno, y fallaría cuando fallase cualquiera.",
        more="El topic está partido en particiones. La clave decide la partición: todos los mensajes de la misma "
        "persona van a la misma, y por eso se leen en orden. En las cabeceras viaja `traceparent`, igual "
        "que en HTTP, para que la traza no se corte. La prueba busca en todas las particiones el mensaje "
        "con esta traza y lee su partición, su posición, su clave y su contenido.",
    ),
    "A7": Explanation(
        what="Uploads apunta en Redis la dirección de la foto, con caducidad de una hora.",
        why="La pedirán en cada página. Redis la tiene en memoria y contesta en menos de un milisegundo; la "
        "caducidad evita que un dato viejo se quede para siempre.",
        without="Cada visita preguntaría a un sitio más lento, y con muchas visitas se notaría.",
        more="Una caché es una copia que se puede perder sin perder nada: si Redis no contesta, Uploads lo "
        "apunta en el log y sigue. La prueba lee la clave, comprueba que el TTL está entre 1 y 3600 "
        "segundos y descarga la dirección guardada para ver que devuelve exactamente la foto.",
    ),
    "A8": Explanation(
        what="Uploads contesta 200 con la dirección de la foto. Las miniaturas todavía no existen.",
        why="La persona no tiene por qué esperar a un trabajo que puede hacerse después. Por eso la respuesta "
        "llega en milisegundos.",
        without="Si las miniaturas tardasen diez segundos, la subida tardaría diez segundos.",
        more="Se llama procesamiento asíncrono: contestar cuando lo imprescindible está a salvo (la foto "
        "guardada y el aviso publicado) y dejar el resto para otro. La prueba es el span de servidor de "
        "Uploads, hijo de Kong y con estado 200. Al ir paso a paso, el sistema se para con todo hecho y la "
        "respuesta sin salir.",
    ),
    "A9": Explanation(
        what="Kong devuelve la respuesta a la aplicación web: la foto está subida y esta es su dirección.",
        why="Kong añade a la respuesta lo que sabe él: cuántas llamadas quedan y cuánto tardó cada parte.",
        without="Quien subió la foto no sabría si llegó, y la mandaría otra vez.",
        more="`X-Kong-Upstream-Latency` es lo que tardó Uploads y `X-Kong-Proxy-Latency` lo que añadió Kong. La "
        "prueba es la respuesta que recibió el cliente y, además, que al pedir la dirección que trae se "
        "reciben, byte por byte, los que se mandaron.",
    ),
    "A10": Explanation(
        what="Thumbnails, que estaba esperando en su grupo de consumidores, recibe el mensaje.",
        why="Kafka guarda por dónde va cada grupo. Si Thumbnails está apagado, los mensajes esperan; al volver, "
        "sigue donde lo dejó.",
        without="Un microservicio caído un minuto perdería todo lo que pasó en ese minuto.",
        more="El microservicio confirma la posición *después* de atender el mensaje. Si muere a medias, lo "
        "recibirá otra vez; por eso atenderlo dos veces debe dejar lo mismo que una. La prueba es doble: la "
        "posición confirmada del grupo ya pasó de este mensaje, y el span de quien consume está enlazado "
        "con el de quien publicó. Como se confirma al final, la prueba se lee tras el último paso de "
        "Thumbnails.",
    ),
    "A11": Explanation(
        what="Thumbnails descarga la foto original de MinIO: en el mensaje solo venía su dirección.",
        why="Así el mensaje es pequeño y cada interesado descarga solo lo que necesita, cuando lo necesita.",
        without="Todos los que escuchan el topic recibirían la foto entera, la quieran o no.",
        more="Es el mismo objeto que guardó Uploads, leído por otro programa con sus propias credenciales. La "
        "prueba es el span de esa descarga en Thumbnails, con la clave de este objeto y estado 200.",
    ),
    "A12": Explanation(
        what="Thumbnails hace tres miniaturas —64, 128 y 256 puntos— y las guarda en MinIO junto a la original.",
        why="Se hacen una vez y se enseñan miles. Son cuadradas, giradas como la cámara dijo, y nunca más "
        "grandes que la foto: agrandarla solo la haría borrosa.",
        without="Cada página descargaría la foto de varios megas para pintarla del tamaño de una uña.",
        more="Van en WebP, que pesa menos que JPEG o PNG, y sin los metadatos de la cámara, que pueden llevar "
        "hasta el sitio donde se hizo la foto. Sus claves salen de la original (`…-64.webp`): repetir el "
        "trabajo escribe lo mismo en el mismo sitio. La prueba lee los tres objetos, los descomprime y mide "
        "cada uno.",
    ),
    "A13": Explanation(
        what="Thumbnails apunta en Redis las tres direcciones, también con caducidad, en un solo viaje.",
        why="Tres órdenes juntas (una *pipeline*) cuestan lo mismo que una: lo caro es ir y volver.",
        without="Para pintar un avatar habría que preguntar a MinIO si la miniatura existe ya.",
        more="Las claves son `avatar:usuario:64`, `:128` y `:256`. La prueba lee las tres, comprueba que caducan "
        "y descarga cada dirección por Kong, como haría un navegador: los bytes deben ser los del objeto "
        "guardado.",
    ),
    "A14": Explanation(
        what="Prometheus pasa por `/metrics` de Uploads y se lleva sus números: entre ellos, una subida más.",
        why="Es Prometheus quien va a buscarlos, cada poco. Si un microservicio no contesta, eso mismo ya es un "
        "dato.",
        without="Nadie sabría que algo va mal hasta que llamase alguien quejándose.",
        more="`up` vale 1 si la última lectura salió bien. `avatar_uploads_total` es un contador: solo sube, y "
        "lo que interesa es a qué ritmo. Sus etiquetas son de un conjunto pequeño (`ok`, `rejected`, "
        "`error`); con el usuario como etiqueta habría una serie por persona, y Prometheus se ahogaría. La "
        "prueba es una lectura posterior al comienzo de esta ejecución, con el contador una unidad por "
        "encima de como estaba.",
    ),
    "A15": Explanation(
        what="Prometheus lee también a Thumbnails: tres miniaturas más y cuántos mensajes le quedan por leer.",
        why="El retraso (*lag*) es el número que se mira en un sistema con colas: si crece sin parar, falta "
        "gente atendiendo.",
        without="La cola podría crecer durante horas sin que nada fallase a la vista.",
        more="Cada microservicio enseña los suyos y nadie los manda: por eso se puede leer a cualquiera con un "
        "navegador, en `/metrics`. La prueba es la misma que en Uploads, con el contador de miniaturas de "
        "cada tamaño una unidad por encima.",
    ),
    "A16": Explanation(
        what="Jaeger ha ido recibiendo los apuntes (spans) de cada programa y ya tiene el recorrido entero.",
        why="Cuatro programas que no se conocen han contado la misma historia, porque el número de la traza "
        "viajó con la petición y con el mensaje.",
        without="Ante una subida lenta habría que leer cuatro logs distintos y adivinar qué líneas van juntas.",
        more="Cada span tiene un padre, y así se forma un árbol con una sola raíz: la petición del cliente. La "
        "prueba comprueba que están todos los programas que debían estar y que ningún span dice tener un "
        "padre que no aparece. En un sistema con mucho tráfico no se guardan todas las trazas, sino una "
        "parte (*sampling*): se ajusta con `OTEL_TRACES_SAMPLER`.",
    ),
}
