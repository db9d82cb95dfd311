"""Las explicaciones del flujo B: qué pasa en cada paso, por qué se hace así y qué se rompería sin ello."""

from __future__ import annotations

from scenarios.engine.authoring import Explanation

EXPLANATIONS = {
    "B1": Explanation(
        what="El teléfono manda el correo y la contraseña. Es la única vez que la contraseña viaja: después "
        "bastará el token.",
        why="Entra por Kong, como todo. Aquí no se puede pedir un token, que es lo que se viene a buscar; lo que "
        "sí hace la puerta es contar cuántas veces lo intenta cada dirección.",
        without="Un programa podría probar miles de contraseñas por minuto hasta dar con una.",
        more="Hay dos frenos, y cada uno para lo que el otro no ve. Kong cuenta por dirección de red (600 por "
        "minuto, `limit_by: ip`): para a quien prueba muchas cuentas desde un sitio. Auth cuenta por cuenta (5 "
        "intentos fallidos en 5 minutos, en Redis): para a quien prueba una cuenta desde muchos sitios. Los dos "
        "contestan 429 y dicen en `Retry-After` cuánto esperar. Fuera de esta máquina esto iría siempre cifrado, "
        "con HTTPS: una contraseña por HTTP la lee cualquiera que esté en la misma wifi. La prueba es que el "
        "span de Kong es de esta petición y que Kong está contando.",
    ),
    "B2": Explanation(
        what="Kong ve que la ruta es `/api/auth/login` y le pasa la petición a Auth.",
        why="Auth es el único que ve contraseñas. Los demás microservicios reciben a gente que ya trae un token, "
        "y no tienen que saber cómo se entra.",
        without="Cada microservicio comprobaría contraseñas por su cuenta, y bastaría con que uno lo hiciera mal.",
        more="La ruta de entrar y las de quien ya está dentro (`/api/auth/me`, `/api/auth/logout`) son dos en "
        "`kong.yaml`: la segunda lleva el plugin `jwt` y la primera no. La prueba es la arista de la traza: el "
        "span de Auth cuelga del de Kong, y los escribieron dos programas distintos.",
    ),
    "B3": Explanation(
        what="Auth pide a Vault la clave con que se firman los tokens. No la tiene ni en su código ni en su "
        "entorno.",
        why="Una clave en un fichero se copia, se sube a un repositorio, sale en una captura. En Vault está en "
        "un solo sitio, se sabe quién puede leerla y se cambia sin tocar ningún programa.",
        without="Quien viera una vez la configuración de Auth podría fabricarse tokens de cualquiera, para "
        "siempre.",
        more="Auth se presenta con su AppRole: su nombre y un `secret_id` que es solo suyo. Vault le da un "
        "permiso (un token de Vault, que no tiene que ver con el JWT) con la política `auth`, que deja leer "
        "`secret/jwt` y `secret/database` y nada más; lo que una política no nombra, se niega. El permiso dura "
        "una hora y se renueva. La prueba no se cree a Auth: pregunta a Vault por ese permiso (por su "
        "*accessor*, que no sirve para usarlo) y qué se puede hacer con él en sitios que no le tocan. La "
        "respuesta ha de ser «nada».",
    ),
    "B4": Explanation(
        what="Vault devuelve la clave y dice qué versión es.",
        why="Las claves se cambian: por costumbre cada cierto tiempo, y a toda prisa si se filtra una. Con "
        "versiones, la nueva y la vieja conviven mientras haga falta.",
        without="Cambiar la clave echaría de golpe a todo el mundo, así que nadie la cambiaría nunca.",
        more="KV v2 guarda cada versión con la hora en que se escribió. Auth lee la de ahora en cada login y "
        "apunta en su span el número y la hora, jamás el valor. La prueba compara ese apunte con lo que Vault "
        "dice que guarda: si alguien la hubiera cambiado o borrado entre medias, no coincidirían. Para rotarla "
        "con gente dentro: `scenarios/flujo_b/rotation.py`.",
    ),
    "B5": Explanation(
        what="Auth busca la cuenta en la base de datos y comprueba la contraseña contra lo que hay guardado.",
        why="Lo guardado no es la contraseña sino su resumen argon2: de la contraseña sale el resumen, del "
        "resumen no sale la contraseña. Y calcularlo cuesta 20 ms a propósito: para quien entra no es nada; para "
        "quien prueba millones, años.",
        without="Quien robase la base de datos tendría las contraseñas de todos, que además suelen ser las de "
        "otros sitios.",
        more="Cada resumen lleva su sal, un trozo al azar: dos personas con la misma contraseña tienen resúmenes "
        "distintos. Si la cuenta no existe, Auth hace el mismo trabajo contra un resumen de nadie y contesta la "
        "misma frase: ni el texto ni el tiempo dicen si ese correo está en la escuela. La consulta lleva escrita "
        "la traza en un comentario, y la prueba la encuentra en `pg_stat_activity`: es PostgreSQL quien dice que "
        "la ejecutó. De la fila se enseñan el número y el algoritmo; el resumen, nunca.",
    ),
    "B6": Explanation(
        what="La base de datos devuelve la fila: qué número tiene la cuenta, cómo se llama su dueña y qué papel "
        "tiene en la escuela.",
        why="A partir de aquí Auth la llama por su número (`user-12`). Un correo se cambia y además dice quién "
        "es; un número, no.",
        without="Si alguien cambiase de correo, dejaría de ser la misma persona para todos los demás servicios.",
        more="Ese número lo puso la base de datos al matricularla y el cliente no lo manda, así que si Auth lo "
        "sabe es porque lo leyó de la fila: esa es la prueba. Al ir paso a paso el sistema se para aquí, con la "
        "consulta hecha y Auth sin saber todavía qué contestó.",
    ),
    "B7": Explanation(
        what="Auth abre una sesión en Redis que se borra sola dentro de 24 horas.",
        why="Un token firmado no se puede retirar: vale hasta que caduca. La sesión sí, así que el token lleva "
        "dentro su identificador y solo vale mientras la sesión exista. Cerrar sesión es borrar una clave.",
        without="Quien perdiese el teléfono no podría echar a quien lo encontró.",
        more="Redis la tiene en memoria: mirarla en cada petición cuesta menos de un milisegundo. Guarda quién "
        "es, su papel y hasta cuándo; ni la contraseña ni el token. La prueba lee la clave y su TTL, que ha de "
        "ser de 24 horas menos lo que haga que empezó la ejecución: ni más, ni bastante menos. Si Redis no "
        "contesta no se deja entrar a nadie (503): mejor eso que sesiones que no se pueden cerrar.",
    ),
    "B8": Explanation(
        what="Auth publica en Kafka que alguien ha entrado: «usuario_autenticado».",
        why="A otros les interesa —quien cuenta, quien vigila, quien da la bienvenida— y Auth no tiene por qué "
        "conocerlos ni esperarlos.",
        without="Auth llamaría a cada interesado, y un contador de visitas estropeado no dejaría entrar a nadie.",
        more="El suceso dice quién (por su número), con qué papel y cuándo: lo justo. Ni correo, ni dirección, "
        "ni token, porque un topic lo leen muchos y dura mucho. La clave es el usuario, y así los suyos van a la "
        "misma partición y se leen en orden. Si Kafka no contesta, Auth espera un segundo, lo apunta en "
        "`auth_events_lost_total` y sigue: ese suceso se pierde. Si perderlo fuera grave se guardaría primero en "
        "la base de datos, junto a lo demás, y otro lo publicaría después (se llama *outbox*).",
    ),
    "B9": Explanation(
        what="Auth firma el token: un texto que dice quién es, qué sesión es la suya y hasta cuándo vale.",
        why="Desde ahora quien tenga la clave sabe, sin preguntar a nadie, quién llama y que nadie ha cambiado "
        "el token: le basta con comprobar la firma. Si la sesión sigue abierta es otra pregunta, y se le hace a "
        "Redis.",
        without="Habría que mandar la contraseña en cada petición, y comprobarla cada vez.",
        more="Es un JWT con HS256: quien puede comprobar, puede firmar, y por eso la clave la tienen pocos "
        "(Vault, Auth y Kong). Lo que lleva dentro se lee sin clave ninguna, así que no debe llevar nada "
        "secreto; lo que no se puede es cambiarlo. La prueba tiene su gracia: HS256 no tiene azar, así que con "
        "la sesión de Redis y la clave de Vault se vuelve a hacer el token, y su huella ha de ser la del que "
        "firmó Auth. Con él se llama a Kong: abre. Y se prueban tres parecidos —un dato cambiado, uno caducado, "
        "uno con otra clave—: 401, 401 y 401.",
    ),
    "B10": Explanation(
        what="Auth contesta a Kong con el token y los datos de quien ha entrado.",
        why="Los datos van aparte para que la aplicación pueda saludar por su nombre sin abrir el token, que no "
        "es cosa suya.",
        without="La aplicación se pondría a leer el token por dentro, y cualquier cambio en él la rompería.",
        more="La respuesta lleva `Cache-Control: no-store`: nadie por el camino debe guardarla, porque quien "
        "tenga el token es, a todos los efectos, esa persona. La prueba es el span de servidor de Auth, hijo del "
        "de Kong y con estado 200. Al ir paso a paso se para con el token ya firmado y sin haber salido.",
    ),
    "B11": Explanation(
        what="Kong devuelve la respuesta: dentro. El teléfono guarda el token y lo mandará en cada petición.",
        why="A partir de aquí Kong comprueba el token en la puerta y Auth mira que la sesión siga viva.",
        without="Habría que volver a entrar en cada pantalla.",
        more="Dónde se guarda el token es cosa seria: en un móvil, en el almacén seguro del sistema; en una "
        "página, en una *cookie* `HttpOnly`, y no en `localStorage`, que lo lee cualquier script que se cuele. "
        "La prueba compara la huella del token recibido con la del que firmó Auth, los datos con los de la fila, "
        "y entra con él en `/api/auth/me`.",
    ),
    "B12": Explanation(
        what="Analytics, que estaba esperando en Kafka, lee el suceso y cuenta a un usuario activo más.",
        why="Ocurre después y sin prisa: quien entró ya está dentro. Si Analytics se cae, los sucesos le esperan "
        "y al volver sigue por donde iba.",
        without="Para saber cuánta gente entra habría que preguntar a la base de datos de Auth, y frenarla.",
        more="Apunta a cada usuario, con la hora, en un conjunto ordenado de Redis: el mismo dos veces sigue "
        "siendo uno, y contar a los de las últimas 24 horas es una sola orden. El resultado es la métrica "
        "`usuarios_activos`, que Prometheus lee y Grafana dibuja. Confirma la posición después de apuntar; si "
        "muere antes, lo leerá otra vez y no pasa nada. Un suceso que no se entiende se aparta en "
        "`usuario_autenticado.dlq` y se cuenta, para que no atasque a los demás. La prueba mira cuatro sitios: "
        "la posición confirmada del grupo, los spans enlazados, el usuario en Redis con la hora del suceso y la "
        "muestra de Prometheus, una unidad por encima de como estaba.",
    ),
}
